// Says what is wrong in a config's text, and in which field.
#ifndef POLARIZE_EXPERIMENTS_RUN_PARSE_ERROR_H_
#define POLARIZE_EXPERIMENTS_RUN_PARSE_ERROR_H_

#include <string>

#include "experiments/run/config_text.h"
#include "google/protobuf/descriptor.h"

namespace polarize {

// An error as the parser of text configs reports it, counting from 0. The place
// is often that of the token after the field that is meant.
struct ParserError {
  int line = 0;
  int column = 0;
  std::string message;
};

// The same for people: "FILE:LINE:COLUMN: PATH = VALUE: RULE", where the place
// is that of the field. `type` is the schema of `text`.
std::string ExplainParserError(const ConfigText& text,
                               const google::protobuf::Descriptor& type,
                               const ParserError& error);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_PARSE_ERROR_H_
