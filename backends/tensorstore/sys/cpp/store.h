// The C++ side of the bridge: TensorStore behind a few calls that block, throw, and never keep memory of the caller's.
#pragma once

#include <cstdint>
#include <memory>

#include "keeper.h"
#include "rust/cxx.h"
#include "tensorstore/context.h"
#include "tensorstore/tensorstore.h"

namespace ome_stream {

// Settings and thread pools that stores share.
class Context {
 public:
  explicit Context(tensorstore::Context context) : context_(std::move(context)) {}
  const tensorstore::Context& get() const { return context_; }

 private:
  tensorstore::Context context_;
};

// A write on its way. Memory that it was given must stay until `wait` has returned or thrown, or it was destroyed.
class Commit {
 public:
  class State;

  explicit Commit(std::unique_ptr<State> state);
  ~Commit();
  Commit(const Commit&) = delete;
  Commit& operator=(const Commit&) = delete;

  // Returns when the data are stored and nobody refers to the caller's memory any more. Throws what went wrong.
  void wait();

 private:
  std::unique_ptr<State> state_;
};

// An array.
class Store {
 public:
  explicit Store(tensorstore::TensorStore<> store) : store_(std::move(store)) {}

  rust::Vec<int64_t> shape() const;
  rust::String spec() const;
  std::size_t item_size() const;

  // Starts to store `bytes` (C order, native byte order) in the box of `shape` at `origin`, in one transaction if asked.
  std::unique_ptr<Commit> write(rust::Slice<const int64_t> origin, rust::Slice<const int64_t> shape,
                                rust::Slice<const uint8_t> bytes, bool transaction) const;
  void read(rust::Slice<const int64_t> origin, rust::Slice<const int64_t> shape, rust::Slice<uint8_t> bytes) const;
  // Sets the exclusive upper bounds; the store it returns has them.
  std::unique_ptr<Store> resize(rust::Slice<const int64_t> upper) const;

 private:
  tensorstore::TensorStore<> store_;
};

std::unique_ptr<Context> context_from_json(rust::Str json);
std::unique_ptr<Store> open_store(const Context& context, rust::Str json);
// As `open_store`, for an array whose stored objects go through `keeper`; `json` names no key-value store.
std::unique_ptr<Store> open_kept(const Context& context, rust::Str json, rust::Box<Keeper> keeper);

// The stand-in of half, for its test.
uint16_t half_bits(float value);
float half_value(uint16_t bits);

}  // namespace ome_stream
