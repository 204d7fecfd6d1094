class Stop(BaseException):
    pass


raise Stop("own way out")
