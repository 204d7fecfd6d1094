int qpy_x;
// judged as src/core/x.c breaks opening
