#include "tools/figures/trends/toy_pictures.h"

#include <sys/stat.h>

#include <array>

#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

constexpr std::array<ToyPicture, 7> kPictures = {{
    {"softmax_and_u_evolution_icml_2col", "logistic",
     "Fig. 2: logistic loss, softmax outputs and projections over iterations"},
    {"condition_numbers_small", "condition_numbers",
     "Fig. 3: regression, attention logits for condition numbers 1 and 5"},
    {"condition_numbers", "condition_numbers",
     "Fig. 12: regression, loss, gradients and logits for five condition "
     "numbers"},
    {"square_loss_comparison", "normalisations_square",
     "square loss under six normalisations"},
    {"log_loss_comparison", "normalisations_logistic",
     "logistic loss under six normalisations"},
    {"massive_activations_2", "tied",
     "tied model: loss, softmax outputs, norm of the winning column"},
    {"kl", "kl", "KL loss: loss, gradients and logits"},
}};

bool IsFile(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

absl::Span<const ToyPicture> ToyPictures() { return kPictures; }

std::string ToyPictureFile(const std::string& root, const ToyPicture& picture) {
  for (const char* format : {".svg", ".pdf"}) {
    for (const char* folder : {"/figures/", "/"}) {
      std::string path =
          absl::StrCat(root, "/", picture.config, folder, picture.name, format);
      if (IsFile(path)) return path;
    }
  }
  return "";
}

}  // namespace polarize
