#include "store.h"

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <half.hpp>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "tensorstore/array.h"
#include "tensorstore/index_space/dim_expression.h"
#include "tensorstore/open.h"
#include "tensorstore/read_write_options.h"
#include "tensorstore/transaction.h"

namespace ome_stream {
namespace {

namespace ts = tensorstore;

// cxx turns exceptions into Result.
void Check(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

template <typename T>
T Checked(ts::Result<T> result) {
  Check(result.status());
  return *std::move(result);
}

::nlohmann::json Parse(rust::Str json) {
  // Throws a std::exception that says where.
  return ::nlohmann::json::parse(json.begin(), json.end());
}

// Tells when the last reference to the caller's memory is gone: TensorStore may keep one for a moment after a commit.
class Release {
 public:
  void Signal() {
    const std::lock_guard<std::mutex> lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return released_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;
};

// The box `shape` at `origin` of the store, once it is known that `length` bytes at `bytes` can be its pixels.
ts::TensorStore<> Region(const ts::TensorStore<>& store, rust::Slice<const int64_t> origin,
                         rust::Slice<const int64_t> shape, const void* bytes, std::size_t length) {
  const auto rank = static_cast<std::size_t>(store.rank());
  if (origin.size() != rank || shape.size() != rank) {
    throw std::invalid_argument("origin has " + std::to_string(origin.size()) + " and shape " +
                                std::to_string(shape.size()) + " numbers, the array has " + std::to_string(rank) +
                                " dimensions");
  }
  std::size_t expected = store.dtype().size();
  for (const int64_t extent : shape) {
    if (extent <= 0) throw std::invalid_argument("the shape has an extent of " + std::to_string(extent));
    if (__builtin_mul_overflow(expected, static_cast<std::size_t>(extent), &expected)) {
      throw std::invalid_argument("the shape has too many pixels");
    }
  }
  if (expected != length) {
    throw std::invalid_argument(std::to_string(length) + " bytes for a region of " + std::to_string(expected));
  }
  if (reinterpret_cast<std::uintptr_t>(bytes) % store.dtype()->alignment != 0) {
    throw std::invalid_argument("the memory is not aligned for pixels of " + std::string(store.dtype().name()));
  }
  return Checked(store | ts::AllDims().SizedInterval(ts::span<const ts::Index>(origin.data(), rank),
                                                     ts::span<const ts::Index>(shape.data(), rank)));
}

}  // namespace

class Commit::State {
 public:
  ts::WriteFutures futures;
  ts::Transaction transaction{ts::no_transaction};
  // Set once TensorStore may refer to the memory.
  std::shared_ptr<Release> release;

  absl::Status Wait() {
    absl::Status status;
    // In a transaction the write's own futures tell of pixels that could not be taken, the transaction's of storage.
    if (!futures.commit_future.null()) status.Update(futures.commit_future.result().status());
    status.Update(transaction.future().result().status());
    // Ours are the last references but for threads that are still on their way out.
    futures = {};
    transaction = ts::Transaction(ts::no_transaction);
    if (release != nullptr) release->Wait();
    return status;
  }
};

Commit::Commit(std::unique_ptr<State> state) : state_(std::move(state)) {}

Commit::~Commit() {
  // Nobody is left to tell of a failure, but the memory must not be given back before this.
  state_->Wait().IgnoreError();
}

void Commit::wait() { Check(state_->Wait()); }

rust::Vec<int64_t> Store::shape() const {
  rust::Vec<int64_t> shape;
  for (const ts::Index extent : store_.domain().shape()) shape.push_back(extent);
  return shape;
}

rust::String Store::spec() const { return Checked(Checked(store_.spec()).ToJson()).dump(); }

std::size_t Store::item_size() const { return store_.dtype().size(); }

std::unique_ptr<Commit> Store::write(rust::Slice<const int64_t> origin, rust::Slice<const int64_t> shape,
                                     rust::Slice<const uint8_t> bytes, bool transaction) const {
  ts::TensorStore<> target = Region(store_, origin, shape, bytes.data(), bytes.size());
  auto owned = std::make_unique<Commit::State>();
  Commit::State& state = *owned;
  // From here on an exception waits for whatever was started.
  auto commit = std::make_unique<Commit>(std::move(owned));
  if (transaction) {
    // All of a shard goes in one write, whatever order its chunks come in.
    state.transaction = ts::Transaction(ts::isolated);
    target = Checked(std::move(target) | state.transaction);
  }
  auto release = std::make_shared<Release>();
  std::shared_ptr<const void> memory(bytes.data(), [release](const void*) { release->Signal(); });
  state.release = std::move(release);
  ts::SharedArray<const void> source(ts::SharedElementPointer<const void>(std::move(memory), store_.dtype()),
                                     ts::span<const ts::Index>(shape.data(), shape.size()), ts::c_order);
  // The memory may be referred to until `release` says otherwise, so that nothing is copied that need not be.
  state.futures = ts::Write(std::move(source), target, ts::can_reference_source_data_indefinitely);
  state.futures.commit_future.Force();
  if (transaction) state.transaction.CommitAsync().IgnoreFuture();
  return commit;
}

void Store::read(rust::Slice<const int64_t> origin, rust::Slice<const int64_t> shape,
                 rust::Slice<uint8_t> bytes) const {
  const ts::TensorStore<> source = Region(store_, origin, shape, bytes.data(), bytes.size());
  // What is read arrives in an array of its own and is copied: no thread may write the caller's memory after this.
  const auto array = Checked(ts::Read<ts::zero_origin>(source, ts::c_order).result());
  std::memcpy(bytes.data(), array.data(), bytes.size());
}

std::unique_ptr<Store> Store::resize(rust::Slice<const int64_t> upper) const {
  const auto rank = static_cast<std::size_t>(store_.rank());
  if (upper.size() != rank) {
    throw std::invalid_argument(std::to_string(upper.size()) + " bounds for an array of " + std::to_string(rank) +
                                " dimensions");
  }
  const std::vector<ts::Index> lower(rank, ts::kImplicit);
  return std::make_unique<Store>(
      Checked(ts::Resize(store_, lower, ts::span<const ts::Index>(upper.data(), rank)).result()));
}

std::unique_ptr<Context> context_from_json(rust::Str json) {
  auto spec = Checked(ts::Context::Spec::FromJson(Parse(json)));
  return std::make_unique<Context>(ts::Context(spec));
}

std::unique_ptr<Store> open_store(const Context& context, rust::Str json) {
  return std::make_unique<Store>(Checked(ts::Open(Parse(json), context.get()).result()));
}

std::unique_ptr<Store> open_kept(const Context& context, rust::Str json, rust::Box<Keeper> keeper) {
  ts::KvStore store(keeper_driver(context.get(), std::move(keeper)));
  return std::make_unique<Store>(Checked(ts::Open(Parse(json), context.get(), std::move(store)).result()));
}

uint16_t half_bits(float value) {
  const half_float::half half(value);
  uint16_t bits;
  static_assert(sizeof(bits) == sizeof(half));
  std::memcpy(&bits, static_cast<const void*>(&half), sizeof(bits));
  return bits;
}

float half_value(uint16_t bits) {
  half_float::half half;
  std::memcpy(static_cast<void*>(&half), &bits, sizeof(bits));
  return half;
}

}  // namespace ome_stream
