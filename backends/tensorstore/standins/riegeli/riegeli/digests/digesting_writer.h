// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <string_view>

#include "riegeli/bytes/wrapping_writer.h"

namespace riegeli {

// Writes to another writer and computes a digest of what passes.
template <typename Digester>
class DigestingWriter : public WrappingWriter {
 public:
  using DigestType = typename Digester::DigestType;
  using WrappingWriter::WrappingWriter;

  // Of everything, once this writer is done.
  DigestType Digest() { return digester_.Digest(); }

 protected:
  void Seen(std::string_view bytes) override { digester_.Write(bytes); }

 private:
  Digester digester_;
};

}  // namespace riegeli
