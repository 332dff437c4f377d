#include "keeper.h"

#include <atomic>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "ome-stream-tensorstore-sys/src/bridge.rs.h"
#include "tensorstore/internal/file_io_concurrency_resource.h"
#include "tensorstore/internal/intrusive_ptr.h"
#include "tensorstore/kvstore/generation.h"
#include "tensorstore/kvstore/operations.h"
#include "tensorstore/util/future.h"
#include "tensorstore/util/garbage_collection/garbage_collection.h"

namespace ome_stream {
namespace {

namespace ts = tensorstore;

class KeeperDriver : public ts::kvstore::Driver {
 public:
  KeeperDriver(ts::Context::Resource<ts::internal::FileIoConcurrencyResource> threads, rust::Box<Keeper> keeper)
      : threads_(std::move(threads)), keeper_(std::move(keeper)) {}

  ts::Future<ts::TimestampedStorageGeneration> Write(Key key, std::optional<absl::Cord> value,
                                                     WriteOptions options) override {
    // Whole units are stored once: nothing is removed, and nothing depends on what was there.
    if (!value) return absl::UnimplementedError("this store does not remove " + key);
    if (!ts::StorageGeneration::IsUnknown(options.generation_conditions.if_equal)) {
      return absl::UnimplementedError("this store does not compare what is at " + key);
    }
    auto [promise, future] = ts::PromiseFuturePair<ts::TimestampedStorageGeneration>::Make();
    threads_->executor([self = ts::internal::IntrusivePtr<KeeperDriver>(this), key = std::move(key),
                        value = *std::move(value), promise = std::move(promise)]() mutable {
      promise.SetResult(self->Put(key, std::move(value)));
    });
    return std::move(future);
  }

  void GarbageCollectionVisit(ts::garbage_collection::GarbageCollectionVisitor&) const override {}

 private:
  ts::Result<ts::TimestampedStorageGeneration> Put(const Key& key, absl::Cord bytes) {
    Encoded value(std::move(bytes));
    try {
      keeper_->put(rust::Str(key), value);
    } catch (const std::exception& error) {
      return absl::InternalError(error.what());
    }
    return ts::TimestampedStorageGeneration(ts::StorageGeneration::FromUint64(stored_.fetch_add(1)), absl::Now());
  }

  ts::Context::Resource<ts::internal::FileIoConcurrencyResource> threads_;
  rust::Box<Keeper> keeper_;
  std::atomic<uint64_t> stored_{1};
};

}  // namespace

rust::Slice<const uint8_t> Encoded::next() {
  while (piece_ != bytes_.chunk_end()) {
    const absl::string_view piece = *piece_;
    ++piece_;
    if (!piece.empty()) return {reinterpret_cast<const uint8_t*>(piece.data()), piece.size()};
  }
  return {};
}

ts::kvstore::DriverPtr keeper_driver(const ts::Context& context, rust::Box<Keeper> keeper) {
  auto threads = context.GetResource<ts::internal::FileIoConcurrencyResource>();
  // cxx turns exceptions into Result.
  if (!threads.ok()) throw std::runtime_error(threads.status().ToString());
  ts::kvstore::DriverPtr driver(new KeeperDriver(*std::move(threads), std::move(keeper)));
  // TensorStore shares open stores that have the same name, and takes one without a name for all others without.
  static std::atomic<uint64_t> made{0};
  driver->cache_identifier_ = "ome_stream_keeper_" + std::to_string(made.fetch_add(1));
  return driver;
}

}  // namespace ome_stream
