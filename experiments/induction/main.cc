// One of the configs of section 4.1 and beyond: the build says which.
#include "experiments/induction/program.h"

int main(int argc, char** argv) {
  return polarize::InductionMain(POLARIZE_CONFIG, argc, argv);
}
