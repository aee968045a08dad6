// A config as one flat list of names and values, for tables and hyper-parameter
// views.
#ifndef POLARIZE_EXPERIMENTS_RUN_FLAT_CONFIG_H_
#define POLARIZE_EXPERIMENTS_RUN_FLAT_CONFIG_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "google/protobuf/message.h"

namespace polarize {

struct FlatValue {
  // The last name of the path ("lr"), as the reference's flat configs have it;
  // the whole path where two fields share their last name.
  std::string key;
  std::string path;  // "training.lr"
  std::variant<bool, int64_t, double, std::string> value;
};

// Every value of `config`, in the schema's order; what is not set is its
// default. Lists are left out.
std::vector<FlatValue> FlatConfig(const google::protobuf::Message& config);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_FLAT_CONFIG_H_
