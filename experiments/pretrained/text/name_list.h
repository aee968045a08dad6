// Names of fields and columns in messages.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_NAME_LIST_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_NAME_LIST_H_

#include <string>
#include <vector>

namespace polarize {

// "a, b, c": the first five, of each not too much.
std::string NameList(std::vector<std::string> names);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_NAME_LIST_H_
