// The plan of a batch of sequences: every row once, or the identity plan.
//
// With sharing, rows that must be equal are one row (a row of the first
// layer depends on its token and position, and on the token alone if there are
// no positions; with causal attention a later row depends on the prefix that
// ends there, and else on its token, position and context; without positions
// and with full attention a context is a multiset of tokens), and the last
// layer computes only rows that have a target or an observer. Nothing is
// approximated: sums alone change their order.
#ifndef POLARIZE_EXPERIMENTS_MODEL_BATCH_PLAN_H_
#define POLARIZE_EXPERIMENTS_MODEL_BATCH_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "experiments/model/id_table.h"
#include "experiments/model/model_config.h"
#include "experiments/model/observer.h"
#include "experiments/model/row_plan.h"

namespace polarize {

// Which positions have targets, and how much each adds to the loss: one of a
// sequence's, where the answer is due, has a weight of its own.
struct Scoring {
  size_t first;                          // positions first .. T - 1
  double weight = 0, answer_weight = 0;  // of the others; of the answer's
};

// Whether the model can tell apart two orders of the same tokens.
inline bool SeesOrder(const ModelConfig& model) {
  return model.causal || model.positional != Positional::kNone;
}

class BatchPlan {
 public:
  // Takes all memory that any batch of max_sequences needs, shared or not. With
  // sharing, a batch may have more sequences if few of them differ.
  BatchPlan(const ModelConfig& model, size_t max_sequences, bool sharing);

  // Begins a batch, whose sequences an observer knows as first, first + 1, ...
  // interest may be null: nothing is observed.
  void Start(const Scoring& scoring, const ObserverInterest* interest,
             size_t first);

  // Adds a sequence, unless there is no room for one. targets: one for each
  // scored position; null: 0, for those who want logits alone. number: equal
  // for sequences that are equal, up to their order if the model does not see
  // it; saves the search for an equal one. All sequences of a batch have one,
  // or none has. answer: the position where the answer is due.
  static constexpr uint32_t kUnnumbered = ~0u;
  static constexpr size_t kLastPosition = ~size_t{0};
  bool Add(const int32_t* tokens, const int32_t* targets,
           uint32_t number = kUnnumbered, size_t answer = kLastPosition);

  // Ends the batch.
  const RowPlan& Finish();

  // Sequences added since Start.
  size_t sequences() const { return sequences_; }
  // The plan's target of a sequence and scored position; equal ones share it.
  size_t Target(size_t sequence, size_t position) const {
    return target_of_[sequence * scored() + position - scoring_.first];
  }
  // The logits row that is to predict it.
  size_t LogitsRow(size_t sequence, size_t position) const {
    return plan_.target_row.row[Target(sequence, position)];
  }

  const RowPlan& plan() const { return plan_; }
  // Of everything that is held.
  size_t bytes() const;

 private:
  using Interest = ObserverInterest::Interest;

  size_t scored() const { return model_.positions - scoring_.first; }
  size_t contexts() const { return row_begin_.size() - 1; }
  bool HasRoom() const;
  uint32_t ContextOf(const int32_t* tokens, uint32_t number);
  uint64_t Identify(const int32_t* tokens);
  void AddContext(const int32_t* tokens);
  uint32_t FirstRow(size_t position, int32_t token);
  uint64_t RowKey(uint32_t before, size_t position, int32_t token) const;
  // Key slot of the context whose row is that of a sequence's position.
  size_t SlotOf(uint32_t context, size_t position, int32_t token) const;
  uint32_t RowOf(uint32_t context, size_t position, int32_t token) const {
    return slot_row_[context * model_.positions +
                     SlotOf(context, position, token)];
  }
  void AddTarget(uint32_t row, int32_t target, double weight);
  void Observe(uint32_t context, const int32_t* tokens);
  void ObserveRow(uint32_t row, size_t position, Interest interest,
                  uint32_t order);

  void NumberLastRows();
  void FinishLayer(size_t l);
  void FinishQueries(LayerPlan& layer);
  void NumberDistinct(const std::vector<uint32_t>& rows, size_t n,
                      RowIndex* distinct);
  void FinishOutputs();

  const ModelConfig model_;
  const size_t max_sequences_, max_rows_;
  const bool sharing_, sees_order_;
  Scoring scoring_ = {0};
  const ObserverInterest* interest_ = nullptr;
  size_t first_ = 0, sequences_ = 0;

  // A row of every layer but the input of the first.
  struct Row {
    uint32_t first;               // input row of the first layer
    uint32_t visible;             // keys it sees
    uint32_t last = kUnused;      // number in the last layer, if needed there
    uint32_t observed = kUnused;  // its counted observation
  };
  static constexpr uint32_t kUnused = ~0u;

  IdTable inputs_, contexts_, row_ids_, first_rows_, targets_;
  std::vector<int32_t> sorted_;         // tokens of one sequence
  std::vector<int32_t> context_token_;  // per key slot
  std::vector<uint32_t> slot_row_;      // per key slot
  std::vector<uint32_t> row_begin_;     // per context, + 1
  std::vector<Row> rows_;
  std::vector<uint32_t> target_of_;  // per sequence and scored position
  std::vector<uint32_t> number_;     // per row, scratch
  RowPlan plan_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_BATCH_PLAN_H_
