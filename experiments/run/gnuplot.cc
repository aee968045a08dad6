#include "experiments/run/gnuplot.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace polarize {
namespace {

constexpr double kSvgPixelsPerInch = 96;
constexpr size_t kMaxComplaint = 4096;

// The pictures that it makes, and how a whole one ends: gnuplot itself does not
// notice a disk that is full.
struct Format {
  const char* name;
  absl::string_view end;
};
constexpr Format kFormats[] = {{"svg", "</svg>"}, {"pdf", "%%EOF"}};

// Line ends after `end` aside.
bool EndsIn(const std::string& path, absl::string_view end) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char last[16];
  const off_t size = lseek(fd, 0, SEEK_END);
  const ssize_t n = pread(fd, last, sizeof(last),
                          std::max<off_t>(0, size - off_t{sizeof(last)}));
  close(fd);
  return n > 0 &&
         absl::EndsWith(absl::StripTrailingAsciiWhitespace(
                            absl::string_view(last, static_cast<size_t>(n))),
                        end);
}

std::string Quoted(absl::string_view text, bool double_percent) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || (c == '%' && double_percent)) quoted += c;
    quoted += absl::ascii_iscntrl(static_cast<unsigned char>(c)) ? ' ' : c;
  }
  quoted += '\'';
  return quoted;
}

// All that comes through the pipe, of which the beginning is kept.
std::string Drain(int fd) {
  std::string text;
  std::array<char, 1024> chunk;
  for (;;) {
    const ssize_t n = read(fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    if (text.size() < kMaxComplaint) {
      text.append(chunk.data(), static_cast<size_t>(n));
    }
  }
}

// Starts gnuplot with its errors going to `errors`; returns an errno.
int Spawn(const std::string& folder, std::vector<std::string> scripts,
          int errors, pid_t& process) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                   O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                   O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  char program[] = "gnuplot";
  char define[] = "-e";
  // The script adds it to its pictures' names.
  char suffix[] = "suffix = '.new'";
  std::vector<char*> arguments = {program, define, suffix};
  for (std::string& script : scripts) arguments.push_back(&script[0]);
  arguments.push_back(nullptr);
  const int error = posix_spawnp(&process, program, &actions, nullptr,
                                 arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

// How the process ended, in words; empty if well.
std::string Ending(pid_t process) {
  int ending = 0;
  while (waitpid(process, &ending, 0) < 0) {
    if (errno != EINTR) return "its end is unknown";
  }
  if (WIFSIGNALED(ending)) {
    return absl::StrCat("ended by signal ", WTERMSIG(ending));
  }
  if (WEXITSTATUS(ending) == 0) return "";
  return absl::StrCat("exit status ", WEXITSTATUS(ending));
}

std::string Picture(const std::string& folder, const std::string& name,
                    const Format& format) {
  return absl::StrCat(folder, "/", name, ".", format.name);
}

absl::Status CheckWhole(const std::string& folder, const std::string& name) {
  for (const Format& format : kFormats) {
    const std::string picture = Picture(folder, name, format);
    if (!EndsIn(picture + ".new", format.end)) {
      return absl::DataLossError(absl::StrCat(
          "cannot write ", picture, ": gnuplot wrote only a part of it"));
    }
  }
  return absl::OkStatus();
}

// Gives the new pictures their names, or removes them if `status` is an error.
void Reveal(const std::string& folder, const std::string& name,
            absl::Status& status) {
  for (const Format& format : kFormats) {
    const std::string picture = Picture(folder, name, format);
    const std::string made = picture + ".new";
    if (!status.ok()) {
      unlink(made.c_str());
    } else if (rename(made.c_str(), picture.c_str()) != 0) {
      status =
          absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", picture));
    }
  }
}

}  // namespace

std::string GnuplotString(absl::string_view text) {
  return Quoted(text, false);
}

std::string GnuplotTicLabel(absl::string_view text) {
  return Quoted(text, true);
}

std::string GnuplotNumber(double value) {
  if (!std::isfinite(value)) return "NaN";
  std::array<char, 32> text;
  const std::to_chars_result end =
      std::to_chars(text.data(), text.data() + text.size(), value);
  return std::string(text.data(), end.ptr);
}

std::string GnuplotScript(absl::string_view name, double width_inches,
                          double height_inches, absl::string_view plot,
                          const BaseFont& font) {
  // Fonts are in pixels (1/96 inch) here and in units of 1/54 inch there: the
  // same size on paper. The SVG names families that every reader has; there,
  // fontconfig finds what this machine has for the one named, and another font
  // for characters that it lacks.
  return absl::StrFormat(
      "# Draws %s.svg and %s.pdf from %s.dat.\n"
      "if (!exists('suffix')) suffix = ''\n"
      "set encoding utf8\n"
      "do for [format in 'svg pdf'] {\n"
      "reset\n"
      "if (format eq 'svg') {\n"
      "set terminal svg size %.0f,%.0f dynamic noenhanced "
      "font '%s,%g' background rgb 'white'\n"
      "} else {\n"
      "set terminal pdfcairo size %.3fin,%.3fin noenhanced "
      "font '%s,%g' fontscale 1 background rgb 'white'\n"
      "}\n"
      "set output '%s.'.format.suffix\n"
      "%s"
      "unset output\n"
      "}\n",
      name, name, name, width_inches * kSvgPixelsPerInch,
      height_inches * kSvgPixelsPerInch,
      font.serif ? "Times,Times New Roman,DejaVu Serif,serif"
                 : "DejaVu Sans,Helvetica,sans-serif",
      font.points * 96 / 72, width_inches, height_inches,
      font.serif ? "Times" : "DejaVu Sans", font.points * 54 / 72, name, plot);
}

absl::Status RunGnuplot(const std::string& folder, const std::string& name) {
  return RunGnuplot(folder, std::vector<std::string>{name});
}

absl::Status RunGnuplot(const std::string& folder,
                        const std::vector<std::string>& names) {
  if (names.empty()) return absl::OkStatus();
  std::vector<std::string> scripts;
  for (const std::string& name : names) scripts.push_back(name + ".gp");
  const std::string path =
      absl::StrCat(folder, "/", scripts[0], names.size() > 1 ? " ..." : "");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot draw ", path));
  }
  pid_t process = 0;
  const int error = Spawn(folder, std::move(scripts), ends[1], process);
  close(ends[1]);
  std::string complaint;
  std::string ending;
  if (error == 0) {
    complaint = Drain(ends[0]);
    ending = Ending(process);
  }
  close(ends[0]);
  if (error != 0) {
    return absl::ErrnoToStatus(error,
                               absl::StrCat("cannot run gnuplot for ", path));
  }
  absl::Status status;
  // What it prints when it ends well are warnings, e.g. about gaps.
  if (!ending.empty()) {
    status = absl::InternalError(
        absl::StrCat("gnuplot ", path, ": ", ending, ": ",
                     absl::StripAsciiWhitespace(complaint)));
  }
  for (const std::string& name : names) {
    if (status.ok()) status = CheckWhole(folder, name);
  }
  for (const std::string& name : names) Reveal(folder, name, status);
  return status;
}

}  // namespace polarize
