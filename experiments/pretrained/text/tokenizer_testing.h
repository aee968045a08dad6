// Models and texts for tests.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_TOKENIZER_TESTING_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_TOKENIZER_TESTING_H_

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "sentencepiece_model.pb.h"

namespace polarize {

// A model with the shape of the real one: <pad> </s> <unk> <mask> <n>, then 256
// byte pieces, 5 .. 260, then
//   261 "_t"  262 "he"  263 "_the"  264 "_"  265 "t"  266 "h"  267 "e"
//   268 "n"   269 "th"
// with _ for U+2581 and scores 0, -1, ... from 261 on.
sentencepiece::ModelProto SmallModel();

// The same without byte pieces: "_t" is 5.
sentencepiece::ModelProto SmallModelWithoutBytes();

// The paragraphs of languages.txt.
std::vector<std::string> LanguageParagraphs();

// Trains a model like the real one, of `pieces` pieces, on languages.txt with
// the library's own trainer; its files go to `folder`. The path of the model.
std::string TrainModel(const std::string& folder, int pieces);

// A text to encode: a part of a paragraph, as it is or its bytes or characters
// shuffled; random code points; random bytes; runs of few bytes that UTF-8
// uses. At most `most` bytes or so.
std::string RandomText(const std::vector<std::string>& paragraphs, size_t most,
                       std::mt19937_64* random);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_TOKENIZER_TESTING_H_
