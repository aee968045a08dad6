// The side of a comparison that is told what to run: see compare.py. Standard
// C++ alone, since the peers of tools/peer are compiled outside of Bazel.
//
//   first line out     JSON: "name", "version", "detail" of what runs here
//   open KIND KEY=VALUE...  prepares a case: "ready", or "skip WHY"
//   run N              runs it N times and prints the seconds taken: by the
//                      wall clock, and of CPU time
//   end of input       ends
#ifndef POLARIZE_TOOLS_BENCH_COMMAND_LOOP_H_
#define POLARIZE_TOOLS_BENCH_COMMAND_LOOP_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <vector>

namespace polarize {

// What `open` was told.
struct CaseSpec {
  std::string kind;
  std::map<std::string, std::string> values;

  std::string Text(const std::string& key) const {
    const auto found = values.find(key);
    return found == values.end() ? "" : found->second;
  }
  size_t Number(const std::string& key) const {
    return std::strtoull(Text(key).c_str(), nullptr, 10);
  }
};

// A prepared case: runs once. Empty if this side cannot do it.
using Runner = std::function<void()>;

// Makes a case, or leaves why it cannot in *why.
using Opener = std::function<Runner(const CaseSpec&, std::string* why)>;

inline CaseSpec ParseCase(std::istringstream& words) {
  CaseSpec spec;
  words >> spec.kind;
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    if (equals != std::string::npos) {
      spec.values[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  return spec;
}

inline void RunAndTell(const Runner& run, int64_t times) {
  const std::clock_t cpu_start = std::clock();
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < times; ++i) run();
  const std::chrono::duration<double> wall =
      std::chrono::steady_clock::now() - start;
  const std::clock_t cpu = std::clock() - cpu_start;
  std::printf("%.9f %.9f\n", wall.count(),
              static_cast<double>(cpu) / CLOCKS_PER_SEC);
  std::fflush(stdout);
}

// Obeys standard input until it ends; the program's exit code.
inline int ObeyCommands(const std::string& name, const std::string& version,
                        const std::string& detail, const Opener& open) {
  std::cout << "{\"name\": \"" << name << "\", \"version\": \"" << version
            << "\", \"detail\": \"" << detail << "\"}" << std::endl;
  Runner run;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "open") {
      run = nullptr;  // the last case's memory goes first
      std::string why = "not something that it does";
      run = open(ParseCase(words), &why);
      std::cout << (run ? "ready" : "skip " + why) << std::endl;
    } else if (int64_t times = 0; command == "run" && run && words >> times) {
      RunAndTell(run, times);
    } else {
      std::cerr << name << ": cannot obey '" << line << "'\n";
      return 1;
    }
  }
  return 0;
}

// Memory aligned to cache lines, as PyTorch's and oneDNN's own is.
template <class T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64)));
  }
  void deallocate(T* memory, size_t) {
    ::operator delete(memory, std::align_val_t(64));
  }
  template <class U>
  bool operator==(const LineAllocator<U>&) const {
    return true;
  }
  template <class U>
  bool operator!=(const LineAllocator<U>&) const {
    return false;
  }
};
using Numbers = std::vector<float, LineAllocator<float>>;

// Numbers between -2 and 2, the same on every side.
inline Numbers TestNumbers(size_t n) {
  Numbers numbers(n);
  uint32_t state = 1;
  for (float& number : numbers) {
    state = state * 1664525u + 1013904223u;
    number = static_cast<float>(state >> 8) * (4.0f / (1 << 24)) - 2.0f;
  }
  return numbers;
}

}  // namespace polarize

#endif  // POLARIZE_TOOLS_BENCH_COMMAND_LOOP_H_
