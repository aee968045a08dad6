#include "experiments/model/batch_plan.h"

#include <algorithm>

namespace polarize {
namespace {

uint64_t Pair(uint64_t high, uint32_t low) { return high << 32 | low; }

void Reserve(RowIndex& index, size_t rows) {
  index.row.reserve(rows);
  index.readers.begin.reserve(rows + 1);
  index.readers.member.reserve(rows);
}

// Room for every batch of so many sequences.
void Reserve(RowPlan& plan, const ModelConfig& model, size_t sequences) {
  const size_t rows = sequences * model.positions;
  for (std::vector<int32_t>* ids :
       {&plan.token, &plan.position, &plan.target}) {
    ids->reserve(rows);
  }
  plan.weight.reserve(rows);
  plan.observations.reserve(rows);
  plan.key_order.reserve(rows);
  Reserve(plan.output, rows);
  Reserve(plan.target_row, rows);
  plan.layers.resize(model.layers);
  for (LayerPlan& layer : plan.layers) {
    for (RowIndex* index :
         {&layer.key, &layer.query, &layer.asked, &layer.asked_by}) {
      Reserve(*index, rows);
    }
    layer.query_begin.reserve(sequences + 1);
    layer.visible.reserve(rows);
  }
}

template <typename V>
size_t Bytes(const V& vector) {
  return vector.capacity() * sizeof(vector[0]);
}

size_t Bytes(const RowIndex& index) {
  return Bytes(index.row) + Bytes(index.readers.begin) +
         Bytes(index.readers.member);
}

size_t Bytes(const RowPlan& plan) {
  size_t bytes = Bytes(plan.token) + Bytes(plan.position) + Bytes(plan.output) +
                 Bytes(plan.target_row) + Bytes(plan.target) +
                 Bytes(plan.weight) + Bytes(plan.observations) +
                 Bytes(plan.key_order);
  for (const LayerPlan& layer : plan.layers) {
    bytes += Bytes(layer.key) + Bytes(layer.query) + Bytes(layer.asked) +
             Bytes(layer.asked_by) + Bytes(layer.query_begin) +
             Bytes(layer.visible);
  }
  return bytes;
}

}  // namespace

BatchPlan::BatchPlan(const ModelConfig& model, size_t max_sequences,
                     bool sharing)
    : model_(model),
      max_sequences_(max_sequences),
      max_rows_(max_sequences * model.positions),
      sharing_(sharing),
      sees_order_(SeesOrder(model)),
      inputs_(max_rows_),
      contexts_(max_sequences),
      row_ids_(max_rows_),
      first_rows_(max_rows_),
      targets_(max_rows_),
      sorted_(model.positions) {
  Reserve(plan_, model, max_sequences);
  context_token_.reserve(max_rows_);
  row_begin_.reserve(max_sequences + 1);
  rows_.reserve(max_rows_);
  for (std::vector<uint32_t>* list : {&slot_row_, &target_of_, &number_}) {
    list->reserve(max_rows_);
  }
}

size_t BatchPlan::bytes() const {
  size_t bytes = Bytes(plan_) + Bytes(sorted_) + Bytes(context_token_) +
                 Bytes(slot_row_) + Bytes(row_begin_) + Bytes(rows_) +
                 Bytes(target_of_) + Bytes(number_);
  for (const IdTable* table :
       {&inputs_, &contexts_, &row_ids_, &first_rows_, &targets_}) {
    bytes += table->bytes();
  }
  return bytes;
}

// ------------------------------------------------------------- adding

void BatchPlan::Start(const Scoring& scoring, const ObserverInterest* interest,
                      size_t first) {
  scoring_ = scoring;
  interest_ = interest;
  first_ = first;
  sequences_ = 0;
  for (IdTable* table :
       {&inputs_, &contexts_, &row_ids_, &first_rows_, &targets_}) {
    table->Clear();
  }
  for (std::vector<uint32_t>* list :
       {&slot_row_, &target_of_, &plan_.target_row.row, &plan_.key_order}) {
    list->clear();
  }
  for (std::vector<int32_t>* list :
       {&context_token_, &plan_.token, &plan_.position, &plan_.target}) {
    list->clear();
  }
  row_begin_.assign(1, 0);
  rows_.clear();
  plan_.weight.clear();
  plan_.observations.clear();
}

bool BatchPlan::HasRoom() const {
  if (contexts() == max_sequences_ ||
      target_of_.size() + scored() > max_rows_) {
    return false;
  }
  return interest_ == nullptr ||
         (plan_.observations.size() + model_.positions <= max_rows_ &&
          plan_.key_order.size() + model_.positions <= max_rows_);
}

bool BatchPlan::Add(const int32_t* tokens, const int32_t* targets,
                    uint32_t number, size_t answer) {
  if (!HasRoom()) return false;
  if (answer == kLastPosition) answer = model_.positions - 1;
  const uint32_t context = ContextOf(tokens, number);
  for (size_t t = scoring_.first; t < model_.positions; ++t) {
    AddTarget(RowOf(context, t, tokens[t]),
              targets == nullptr ? 0 : targets[t - scoring_.first],
              t == answer ? scoring_.answer_weight : scoring_.weight);
  }
  if (interest_ != nullptr) Observe(context, tokens);
  ++sequences_;
  return true;
}

uint32_t BatchPlan::ContextOf(const int32_t* tokens, uint32_t number) {
  IdTable::Found context = {static_cast<uint32_t>(contexts()), true};
  if (sharing_) {
    context =
        contexts_.Insert(number == kUnnumbered ? Identify(tokens) : number);
  }
  if (context.fresh) AddContext(tokens);
  return context.id;
}

// The end of the path that the tokens take in a tree of all sequences, sorted
// if their order does not matter.
uint64_t BatchPlan::Identify(const int32_t* tokens) {
  std::copy_n(tokens, model_.positions, sorted_.begin());
  if (!sees_order_) std::sort(sorted_.begin(), sorted_.end());
  uint64_t at = 0;
  for (const int32_t token : sorted_) {
    at = inputs_.Insert(Pair(at, static_cast<uint32_t>(token))).id + 1;
  }
  return at;
}

// What a row depends on. before: the row of the prefix without its last token,
// + 1.
uint64_t BatchPlan::RowKey(uint32_t before, size_t position,
                           int32_t token) const {
  if (model_.causal) return Pair(before, static_cast<uint32_t>(token));
  return Pair(contexts(),
              static_cast<uint32_t>(sees_order_ ? position : token));
}

void BatchPlan::AddContext(const int32_t* tokens) {
  uint32_t before = 0;
  for (size_t t = 0; t < model_.positions; ++t) {
    IdTable::Found row = {static_cast<uint32_t>(rows_.size()), true};
    if (sharing_) row = row_ids_.Insert(RowKey(before, t, tokens[t]));
    before = row.id + 1;
    slot_row_.push_back(row.id);
    context_token_.push_back(tokens[t]);
    if (!row.fresh) continue;
    rows_.push_back(
        {FirstRow(t, tokens[t]),
         static_cast<uint32_t>(model_.causal ? t + 1 : model_.positions)});
  }
  row_begin_.push_back(static_cast<uint32_t>(rows_.size()));
}

// The embedded row of a token at a position.
uint32_t BatchPlan::FirstRow(size_t position, int32_t token) {
  IdTable::Found row = {static_cast<uint32_t>(plan_.token.size()), true};
  if (sharing_) {
    const size_t at = model_.positional == Positional::kNone ? 0 : position;
    row = first_rows_.Insert(Pair(at, static_cast<uint32_t>(token)));
  }
  if (row.fresh) {
    plan_.token.push_back(token);
    plan_.position.push_back(static_cast<int32_t>(position));
  }
  return row.id;
}

size_t BatchPlan::SlotOf(uint32_t context, size_t position,
                         int32_t token) const {
  const int32_t* tokens = &context_token_[context * model_.positions];
  if (sees_order_ || tokens[position] == token) return position;
  return static_cast<size_t>(
      std::find(tokens, tokens + model_.positions, token) - tokens);
}

void BatchPlan::AddTarget(uint32_t row, int32_t target, double weight) {
  const auto next = static_cast<uint32_t>(plan_.target.size());
  const IdTable::Found found =
      sharing_ ? targets_.Insert(Pair(row, static_cast<uint32_t>(target)))
               : IdTable::Found{next, true};
  target_of_.push_back(found.id);
  if (found.fresh) {
    plan_.target.push_back(target);
    plan_.weight.push_back(0);
    plan_.target_row.row.push_back(row);
    rows_[row].last = 0;
  }
  plan_.weight[found.id] += weight;
}

void BatchPlan::Observe(uint32_t context, const int32_t* tokens) {
  uint32_t order = kContextOrder;
  for (size_t t = 0; t < model_.positions; ++t) {
    const Interest interest = interest_->InterestIn(first_ + sequences_, t);
    if (interest == Interest::kNone) continue;
    if (interest == Interest::kOwn && !sees_order_ && order == kContextOrder) {
      order = static_cast<uint32_t>(plan_.key_order.size() / model_.positions);
      for (size_t k = 0; k < model_.positions; ++k) {
        plan_.key_order.push_back(
            static_cast<uint32_t>(SlotOf(context, k, tokens[k])));
      }
    }
    ObserveRow(RowOf(context, t, tokens[t]), t, interest, order);
  }
}

void BatchPlan::ObserveRow(uint32_t row, size_t position, Interest interest,
                           uint32_t order) {
  Row& seen = rows_[row];
  seen.last = 0;
  const bool counted = interest == Interest::kCounted && sharing_;
  if (counted && seen.observed != kUnused) {
    ++plan_.observations[seen.observed].count;
    return;
  }
  if (counted) {
    seen.observed = static_cast<uint32_t>(plan_.observations.size());
  }
  plan_.observations.push_back({static_cast<uint32_t>(first_ + sequences_),
                                static_cast<uint32_t>(position), 1, row, row,
                                counted ? kContextOrder : order});
}

// ------------------------------------------------------------ finishing

const RowPlan& BatchPlan::Finish() {
  plan_.contexts = contexts();
  NumberLastRows();
  for (size_t l = 0; l < model_.layers; ++l) FinishLayer(l);
  FinishOutputs();
  for (Observation& seen : plan_.observations) {
    seen.last_row = rows_[seen.row].last;
  }
  return plan_;
}

// The identity plan computes what nobody needs, too.
void BatchPlan::NumberLastRows() {
  uint32_t next = 0;
  for (Row& row : rows_) {
    if (row.last != kUnused || !sharing_) row.last = next++;
  }
}

void BatchPlan::FinishLayer(size_t l) {
  LayerPlan& layer = plan_.layers[l];
  const bool last = l + 1 == model_.layers;
  const auto input = [&](size_t r) {
    return l == 0 ? rows_[r].first : static_cast<uint32_t>(r);
  };
  layer.rows_in = l == 0 ? plan_.token.size() : rows_.size();
  layer.key.row.resize(slot_row_.size());
  for (size_t i = 0; i < slot_row_.size(); ++i) {
    layer.key.row[i] = input(slot_row_[i]);
  }
  layer.key.Finish(layer.rows_in);
  layer.query.row.clear();
  layer.visible.clear();
  layer.query_begin.assign(1, 0);
  for (size_t c = 0; c < contexts(); ++c) {
    for (size_t r = row_begin_[c]; r < row_begin_[c + 1]; ++r) {
      if (last && rows_[r].last == kUnused) continue;
      layer.query.row.push_back(input(r));
      layer.visible.push_back(rows_[r].visible);
    }
    layer.query_begin.push_back(static_cast<uint32_t>(layer.query.row.size()));
  }
  layer.rows_out = layer.query.row.size();
  layer.query.Finish(layer.rows_in);
  FinishQueries(layer);
}

void BatchPlan::FinishQueries(LayerPlan& layer) {
  layer.asked.identity = true;
  if (layer.query.identity) return;
  NumberDistinct(layer.query.row, layer.rows_in, &layer.asked);
  if (layer.asked.identity) return;
  layer.asked_by.row.clear();
  for (const uint32_t r : layer.query.row) {
    layer.asked_by.row.push_back(number_[r]);
  }
  layer.asked_by.Finish(layer.asked.row.size());
}

// distinct <- those of the rows, all below n, that occur, ascending; number_ of
// such a row <- its place there.
void BatchPlan::NumberDistinct(const std::vector<uint32_t>& rows, size_t n,
                               RowIndex* distinct) {
  number_.assign(n, kUnused);
  for (const uint32_t r : rows) number_[r] = 0;
  distinct->row.clear();
  for (size_t r = 0; r < n; ++r) {
    if (number_[r] == kUnused) continue;
    number_[r] = static_cast<uint32_t>(distinct->row.size());
    distinct->row.push_back(static_cast<uint32_t>(r));
  }
  distinct->Finish(n);
}

// Logits of the rows that have targets, in their order.
void BatchPlan::FinishOutputs() {
  std::vector<uint32_t>& targets = plan_.target_row.row;
  for (uint32_t& r : targets) r = rows_[r].last;
  NumberDistinct(targets, plan_.layers.back().rows_out, &plan_.output);
  for (uint32_t& r : targets) r = number_[r];
  plan_.target_row.Finish(plan_.output.row.size());
}

}  // namespace polarize
