// A change of what a forward pass computes, made between two of its kernels: to
// ask what a part of a trained model is for.
#ifndef POLARIZE_EXPERIMENTS_MODEL_INTERVENTION_H_
#define POLARIZE_EXPERIMENTS_MODEL_INTERVENTION_H_

#include <cstddef>
#include <cstdint>

namespace polarize {

// What is replaced.
enum class InterventionSite {
  kToken,       // what a token adds to an embedded row, wherever it stands
  kFirstValue,  // in one layer, the value of the first position, of all heads
  kHead,        // in one layer, what one head adds up, of every row
};

// With equal rows shared (batch_plan.h) it does what it does without: a token
// and a head are the same to all who share a row, and a first value is replaced
// where each sequence reads it. For kFirstValue, sequences that differ in their
// order are to be different contexts of the plan: they are if they have numbers
// of their own.
template <typename T>
struct Intervention {
  InterventionSite site;
  size_t layer = 0;   // unless kToken
  size_t head = 0;    // of kHead
  int32_t token = 0;  // of kToken
  // What takes the place: token_width(), width or head_width() numbers, which
  // outlive their use; null: zeros.
  const T* patch = nullptr;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_INTERVENTION_H_
