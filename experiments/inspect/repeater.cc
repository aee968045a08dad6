#include "experiments/inspect/repeater.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/model/parameters.h"
#include "experiments/model/training_run.h"
#include "experiments/run/thread_team.h"
#include "kernels/base/isa.h"

namespace polarize {
namespace {

// The pipe from the process carries: a text, empty or what is wrong; then
// tensors, steps and the array's size; then a loss for each question, once the
// shared memory holds what belongs to it. The pipe to it carries a byte per
// question. Both ends are one program, so numbers go as they lie in memory.

bool WriteAll(int fd, const void* bytes, size_t n) {
  const char* at = static_cast<const char*>(bytes);
  while (n > 0) {
    const ssize_t written = write(fd, at, n);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    n -= static_cast<size_t>(written);
  }
  return true;
}

bool ReadAll(int fd, void* bytes, size_t n) {
  char* at = static_cast<char*>(bytes);
  while (n > 0) {
    const ssize_t got = read(fd, at, n);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    n -= static_cast<size_t>(got);
  }
  return true;
}

bool WriteNumber(int fd, uint64_t number) {
  return WriteAll(fd, &number, sizeof(number));
}

bool WriteText(int fd, absl::string_view text) {
  return WriteNumber(fd, text.size()) && WriteAll(fd, text.data(), text.size());
}

float* Map(int memory, size_t floats) {
  void* const at = mmap(nullptr, floats * sizeof(float), PROT_READ | PROT_WRITE,
                        MAP_SHARED, memory, 0);
  return at == MAP_FAILED ? nullptr : static_cast<float*>(at);
}

// The process's side.
class Child {
 public:
  Child(Experiment& experiment, int memory, int from_parent, int to_parent)
      : experiment_(experiment),
        memory_(memory),
        from_parent_(from_parent),
        to_parent_(to_parent) {}

  // False if the parent is gone.
  bool Go();

 private:
  bool SayHello();
  bool Asked() const {
    char byte;
    return ReadAll(from_parent_, &byte, 1);
  }
  bool Answer(double loss);

  Experiment& experiment_;
  const int memory_, from_parent_, to_parent_;
  float* shared_ = nullptr;
};

bool Child::SayHello() {
  const Parameters& parameters = experiment_.model().parameters();
  const size_t floats = 2 * parameters.array_size();
  if (ftruncate(memory_, static_cast<off_t>(floats * sizeof(float))) == 0) {
    shared_ = Map(memory_, floats);
  }
  if (shared_ == nullptr) {
    WriteText(to_parent_, "no memory for its parameters");
    return false;
  }
  bool said = WriteText(to_parent_, "") &&
              WriteNumber(to_parent_, parameters.list().size());
  for (const Parameter& p : parameters.list()) {
    said = said && WriteText(to_parent_, p.name) &&
           WriteNumber(to_parent_, p.shape.size());
    for (const size_t size : p.shape) {
      said = said && WriteNumber(to_parent_, size);
    }
    said = said && WriteNumber(to_parent_, p.offset) &&
           WriteNumber(to_parent_, p.size);
  }
  const uint64_t steps =
      experiment_.facts().epochs * experiment_.steps_per_epoch();
  return said && WriteNumber(to_parent_, steps) &&
         WriteNumber(to_parent_, parameters.array_size());
}

bool Child::Answer(double loss) {
  Transformer<float>& model = experiment_.model();
  const size_t n = model.parameters().array_size();
  std::copy_n(model.values(), n, shared_);
  std::copy_n(model.gradients(), n, shared_ + n);
  return WriteAll(to_parent_, &loss, sizeof(loss));
}

bool Child::Go() {
  if (!SayHello() || !Asked() || !Answer(0)) return false;
  const Experiment::Facts facts = experiment_.facts();
  for (size_t epoch = 1; epoch <= facts.epochs; ++epoch) {
    experiment_.StartEpoch();
    for (size_t i = 0; i < experiment_.steps_per_epoch(); ++i) {
      if (!Asked() || !Answer(experiment_.Step())) return false;
    }
    experiment_.FinishEpoch();
  }
  return Asked();  // waits for the end of the pipe
}

[[noreturn]] void RunChild(const RecordedRun& run, const Repetition& how,
                           size_t threads, int memory, int from_parent,
                           int to_parent) {
  PinTarget(how.target);
  const absl::StatusOr<std::unique_ptr<ThreadTeam>> team =
      ThreadTeam::Create(threads);
  if (!team.ok()) {
    WriteText(to_parent, std::string(team.status().message()));
    _exit(1);
  }
  const std::unique_ptr<Experiment> experiment =
      run.section->Make(*run.config, how.sharing, **team);
  Child(*experiment, memory, from_parent, to_parent).Go();
  _exit(0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Repeater>> Repeater::Start(
    const std::string& name, const RecordedRun& run, const Repetition& how,
    size_t threads) {
  std::unique_ptr<Repeater> repeater(new Repeater(name));
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a pipe");
  }
  repeater->to_ = to[1];
  if (pipe2(from, O_CLOEXEC) != 0) {
    close(to[0]);
    return absl::ErrnoToStatus(errno, "cannot make a pipe");
  }
  repeater->from_ = from[0];
  repeater->memory_ = memfd_create("polarize", MFD_CLOEXEC);
  std::fflush(nullptr);
  const pid_t parent = getpid();
  repeater->process_ = repeater->memory_ < 0 ? -1 : fork();
  const int error = errno;
  if (repeater->process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    close(to[1]);
    close(from[0]);
    RunChild(run, how, threads, repeater->memory_, to[0], from[1]);
  }
  close(to[0]);
  close(from[1]);
  if (repeater->process_ < 0) {
    return absl::ErrnoToStatus(error, "cannot start a process");
  }
  const absl::Status hello = repeater->Hello();
  if (!hello.ok()) return hello;
  return repeater;
}

Repeater::~Repeater() {
  if (shared_ != nullptr) munmap(shared_, 2 * array_size_ * sizeof(float));
  for (const int fd : {memory_, to_, from_}) {
    if (fd >= 0) close(fd);
  }
  if (process_ <= 0) return;
  kill(process_, SIGKILL);
  while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

absl::Status Repeater::Gone() {
  int status = 0;
  while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  return absl::AbortedError(absl::StrCat(
      "the repetition of ", name_, " broke off",
      WIFSIGNALED(status)
          ? absl::StrCat(": ", strsignal(WTERMSIG(status)))
          : absl::StrCat(" with exit code ", WEXITSTATUS(status))));
}

absl::Status Repeater::Read(void* bytes, size_t n) {
  return ReadAll(from_, bytes, n) ? absl::OkStatus() : Gone();
}

absl::Status Repeater::ReadText(std::string* text) {
  uint64_t size = 0;
  absl::Status status = Read(&size, sizeof(size));
  if (!status.ok()) return status;
  text->resize(size);
  return Read(text->data(), size);
}

absl::Status Repeater::Hello() {
  std::string wrong;
  absl::Status status = ReadText(&wrong);
  if (status.ok() && !wrong.empty()) {
    status = absl::AbortedError(
        absl::StrCat("the repetition of ", name_, ": ", wrong));
  }
  uint64_t count = 0, array_size = 0;
  const auto read = [&](uint64_t* number) {
    if (status.ok()) status = Read(number, sizeof(*number));
    return status.ok();
  };
  read(&count);
  for (uint64_t i = 0; status.ok() && i < count; ++i) {
    Tensor tensor;
    status = ReadText(&tensor.name);
    uint64_t sizes = 0, offset = 0, size = 0;
    read(&sizes);
    for (uint64_t j = 0; status.ok() && j < sizes; ++j) {
      if (read(&size)) tensor.shape.push_back(static_cast<int64_t>(size));
    }
    read(&offset);
    read(&size);
    tensor.offset = offset;
    tensor.size = size;
    tensors_.push_back(std::move(tensor));
  }
  read(&steps_);
  if (!read(&array_size)) return status;
  array_size_ = array_size;
  shared_ = Map(memory_, 2 * array_size_);
  if (shared_ == nullptr) {
    return absl::ErrnoToStatus(errno, "cannot map memory");
  }
  return absl::OkStatus();
}

absl::Status Repeater::Ask() {
  return WriteAll(to_, "n", 1) ? absl::OkStatus() : Gone();
}

absl::Status Repeater::Take() { return Read(&loss_, sizeof(loss_)); }

}  // namespace polarize
