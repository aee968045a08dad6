// Numbers keys in the order in which they first appear.
#ifndef POLARIZE_EXPERIMENTS_MODEL_ID_TABLE_H_
#define POLARIZE_EXPERIMENTS_MODEL_ID_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace polarize {

// An open hash table. Takes its memory when it is made; clearing it costs
// nothing, so that a small batch pays for its own keys alone.
class IdTable {
 public:
  // most: how many different keys it may hold.
  explicit IdTable(size_t most) {
    while (size_t{1} << bits_ < 2 * most) ++bits_;
    entries_.resize(size_t{1} << bits_);
  }

  void Clear() {
    size_ = 0;
    if (++round_ != 0) return;
    // The counter came round: entries of old would look new.
    entries_.assign(entries_.size(), Entry());
    round_ = 1;
  }

  struct Found {
    uint32_t id;
    bool fresh;  // its first appearance
  };
  Found Insert(uint64_t key) {
    // Multiplicative hashing (Knuth, 6.4): the high bits depend on all of key.
    size_t at = (key * 0x9e3779b97f4a7c15u) >> (64 - bits_);
    while (entries_[at].round == round_ && entries_[at].key != key) {
      at = (at + 1) & (entries_.size() - 1);
    }
    Entry& entry = entries_[at];
    if (entry.round == round_) return {entry.id, false};
    entry = {key, round_, size_};
    return {size_++, true};
  }

  // Keys since Clear.
  uint32_t size() const { return size_; }
  size_t bytes() const { return entries_.size() * sizeof(Entry); }

 private:
  struct Entry {
    uint64_t key = 0;
    uint32_t round = 0, id = 0;
  };
  unsigned bits_ = 1;
  uint32_t round_ = 1, size_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_ID_TABLE_H_
