// The flags that every experiment has.
#ifndef POLARIZE_EXPERIMENTS_RUN_FLAGS_H_
#define POLARIZE_EXPERIMENTS_RUN_FLAGS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace polarize {

struct RunFlags {
  std::string config;                 // empty: the config in the program
  std::vector<std::string> settings;  // of --set, in order: "PATH=VALUE"
  std::string out;                    // empty: not given
  int threads = 0;                    // 0: one per core
  int64_t target = 0;                 // for PinTarget(); 0: the best one
  bool sharing = true;                // equal rows once
  std::string init_from;              // empty: new weights
  bool eval_only = false;
  bool dry_run = false;
  bool overwrite = false;
  std::vector<std::string> arguments;  // that are no flags
  // What a run of a sweep leaves out, and what it adds to its environment.
  bool pictures = true;
  bool weights = true;  // and the logits to check them with
  std::string numerics;
  // Ends the training after so many steps, as Ctrl-C would; 0: after all.
  uint64_t most_steps = 0;
};

// What differs between programs.
struct ProgramHelp {
  std::string_view usage;  // what the program does, a few lines
  // What `bazel run` takes: "//experiments:induction"; empty: that and the
  // program's own name.
  std::string_view target;
  std::vector<std::string_view> examples;  // arguments
  // Whether it trains a transformer: has --sharing, --init_from, --eval_only.
  bool transformer = true;
  // Lines about flags that the program defines itself.
  std::string_view own_flags;
  // What its arguments that are no flags are called; empty: it takes none.
  std::string_view arguments;
  // Whether it is one run: has --threads, --overwrite.
  bool single_run = true;
  // Whether it runs a config. One that does not has neither --config, --set,
  // --dry_run nor the flags above, and own_flags tells of all that it takes:
  // --out, --threads, --isa and --sharing are parsed for it.
  bool takes_config = true;
};

// The flags on the command line; all paths mean the user's directory (see
// UserPath). With --help prints what the program is, examples and the flags,
// and exits with 0. Anything wrong (unknown flags, values out of range,
// arguments where it takes none) exits with 1 and a line on stderr.
RunFlags ParseRunFlags(int argc, char** argv, const ProgramHelp& help);

// The same for an experiment with a transformer.
RunFlags ParseRunFlags(int argc, char** argv, std::string_view usage);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_FLAGS_H_
