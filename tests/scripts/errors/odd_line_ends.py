# form feed , separator  , next line , file separator 
text = """ """
1 / 0
