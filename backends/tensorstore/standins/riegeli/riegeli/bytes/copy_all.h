// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "riegeli/base/types.h"
#include "riegeli/bytes/reader.h"
#include "riegeli/bytes/writer.h"

namespace riegeli {

// Copies all that is left of `src`, which knows its size; an error where that is more than `max_length`.
inline absl::Status CopyAll(Reader& src, Writer& dest, Position max_length) {
  if (!src.ok()) return src.status();
  const absl::optional<Position> size = src.SupportsSize() ? src.Size() : absl::nullopt;
  if (!size) return absl::UnimplementedError("this reader does not know its size");
  const Position length = *size < src.pos() ? 0 : *size - src.pos();
  if (length > max_length) {
    return absl::ResourceExhaustedError(absl::StrCat(length, " bytes, at most ", max_length, " expected"));
  }
  if (src.Copy(length, dest)) return absl::OkStatus();
  if (!dest.ok()) return dest.status();
  return src.ok() ? absl::DataLossError("the data end early") : src.status();
}

}  // namespace riegeli
