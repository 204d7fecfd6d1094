import qntx

qntx.sleep(60)
