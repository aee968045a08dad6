// One family of section 3: the build says which.
#include "experiments/value_softmax/run.h"

int main(int argc, char** argv) {
  return polarize::FamilyMain(POLARIZE_FAMILY, argc, argv);
}
