// Ctrl-C that lets a run end in order.
#ifndef POLARIZE_EXPERIMENTS_RUN_INTERRUPT_H_
#define POLARIZE_EXPERIMENTS_RUN_INTERRUPT_H_

#include <csignal>

namespace polarize {

// While it lives, the first SIGINT or SIGTERM only makes Interrupted() true;
// the next one of either ends the process at once, as if this were not here.
// One at a time (a second one is a broken invariant); its end puts the
// handlers back that were there before, and leaves Interrupted() as it is.
class InterruptHandler {
 public:
  InterruptHandler();
  ~InterruptHandler();
  InterruptHandler(const InterruptHandler&) = delete;
  InterruptHandler& operator=(const InterruptHandler&) = delete;

 private:
  struct sigaction old_interrupt_;
  struct sigaction old_terminate_;
};

// Whether a signal came since the newest InterruptHandler was made.
bool Interrupted();

// Which one, or 0. A program that stopped because of it exits with 128 plus
// this number, as shells expect.
int InterruptSignal();

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_INTERRUPT_H_
