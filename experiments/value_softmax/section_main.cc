// Section 3 as a whole.
#include "experiments/value_softmax/run.h"

int main(int argc, char** argv) { return polarize::SectionMain(argc, argv); }
