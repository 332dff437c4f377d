// What TensorStore stores, handed to the Rust side instead of to TensorStore's own driver for files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/cord.h"
#include "rust/cxx.h"
#include "tensorstore/context.h"
#include "tensorstore/kvstore/driver.h"

namespace ome_stream {

// Rust's: takes values that are to be stored.
struct Keeper;

// A value that is to be stored, as the pieces in which it lies in memory.
class Encoded {
 public:
  explicit Encoded(absl::Cord bytes) : bytes_(std::move(bytes)), piece_(bytes_.chunk_begin()) {}
  Encoded(const Encoded&) = delete;
  Encoded& operator=(const Encoded&) = delete;

  std::size_t length() const { return bytes_.size(); }
  // The next piece; empty after the last.
  rust::Slice<const uint8_t> next();

 private:
  absl::Cord bytes_;
  absl::Cord::ChunkIterator piece_;
};

// A key-value store that writes through `keeper`, each key once, and reads nothing, on the threads that `context` has for
// files.
tensorstore::kvstore::DriverPtr keeper_driver(const tensorstore::Context& context, rust::Box<Keeper> keeper);

}  // namespace ome_stream
