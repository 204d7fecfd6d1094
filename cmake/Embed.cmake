# Writes INPUT, any bytes, into the C source OUTPUT as qpy__bootstrap_source.
file(READ ${INPUT} hex HEX)
file(SIZE ${INPUT} size)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT}
    "#include \"interp/bootstrap.h\"\n"
    "const char qpy__bootstrap_source[] = {\n${bytes}0x00};\n"
    "const unsigned long qpy__bootstrap_source_len = ${size};\n")
