#include "experiments/run/interrupt.h"

#include <atomic>

#include "hwy/base.h"

namespace polarize {
namespace {

std::atomic<int> signal_received{0};
std::atomic<bool> installed{false};

static_assert(std::atomic<int>::is_always_lock_free,
              "a signal handler may not wait for a lock");

void Handle(int signal_number) {
  int none = 0;
  if (signal_received.compare_exchange_strong(none, signal_number)) return;
  // The signal is blocked here: it ends the process when this returns.
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

}  // namespace

InterruptHandler::InterruptHandler() {
  if (installed.exchange(true)) HWY_ABORT("a second InterruptHandler");
  signal_received = 0;
  struct sigaction action = {};
  action.sa_handler = Handle;
  // Reads and writes go on as if nothing had been.
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  HWY_ASSERT(sigaction(SIGINT, &action, &old_interrupt_) == 0);
  HWY_ASSERT(sigaction(SIGTERM, &action, &old_terminate_) == 0);
}

InterruptHandler::~InterruptHandler() {
  HWY_ASSERT(sigaction(SIGINT, &old_interrupt_, nullptr) == 0);
  HWY_ASSERT(sigaction(SIGTERM, &old_terminate_, nullptr) == 0);
  installed = false;
}

bool Interrupted() { return signal_received != 0; }

int InterruptSignal() { return signal_received; }

}  // namespace polarize
