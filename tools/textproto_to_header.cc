// Checks a config and writes the C++ made of it (see config_header.h):
//   textproto_to_header TYPE NAME PACKAGE IN.textproto OUTPUT_FOLDER
// makes NAME_shape.h, NAME_embedded_config.h and NAME_embedded_config.cc.
#include <cstdio>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "experiments/run/config_text.h"
#include "tools/config_header.h"

namespace {

bool Write(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) std::fprintf(stderr, "%s: cannot write\n", path.c_str());
  return out.good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fputs(
        "usage: textproto_to_header TYPE NAME PACKAGE IN.textproto "
        "OUTPUT_FOLDER\n",
        stderr);
    return 2;
  }
  const std::string type = argv[1], name = argv[2], package = argv[3];
  const std::string folder = absl::StrCat(argv[5], "/");
  const absl::StatusOr<polarize::ConfigText> text =
      polarize::ReadConfigText(argv[4]);
  if (!text.ok()) {
    std::fprintf(stderr, "%s\n", std::string(text.status().message()).c_str());
    return 1;
  }
  const absl::StatusOr<polarize::ConfigShape> shape =
      polarize::ShapeOf(type, *text);
  if (!shape.ok()) {
    std::fprintf(stderr, "%s\n", std::string(shape.status().message()).c_str());
    return 1;
  }
  const std::string shape_h = name + "_shape.h";
  const std::string embedded_h = name + "_embedded_config.h";
  const std::string embedded_path = absl::StrCat(package, "/", embedded_h);
  const bool written =
      Write(folder + shape_h,
            polarize::ShapeHeader(name, absl::StrCat(package, "/", shape_h),
                                  *shape)) &&
      Write(folder + embedded_h,
            polarize::EmbeddedHeader(name, embedded_path)) &&
      Write(folder + name + "_embedded_config.cc",
            polarize::EmbeddedSource(name, embedded_path, *text));
  return written ? 0 : 1;
}
