#include <openssl/bio.h>

#include "layer.hpp"

namespace sansmtp::openssl {

namespace {

tls::record_layer& layer_of(BIO* bio) noexcept {
  return *static_cast<tls::record_layer*>(BIO_get_data(bio));
}

int give(BIO* bio, char* into, std::size_t size, std::size_t* given) noexcept {
  tls::record_layer& l = layer_of(bio);
  BIO_clear_retry_flags(bio);
  *given = l.give(into, size);
  if (*given != 0) return 1;
  if (!l.at_end()) BIO_set_retry_read(bio);
  return 0;
}

int take(BIO* bio, const char* octets, std::size_t size, std::size_t* taken) noexcept {
  BIO_clear_retry_flags(bio);
  layer_of(bio).take({octets, size});
  *taken = size;
  return 1;
}

long control(BIO* bio, int what, long, void*) noexcept {
  switch (what) {
    case BIO_CTRL_EOF: return layer_of(bio).at_end() ? 1 : 0;
    case BIO_CTRL_FLUSH: return 1;
    default: return 0;
  }
}

/// For all links, to the end of the process.
const BIO_METHOD* method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* const m =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sansmtp record layer");
    if (m != nullptr) {
      BIO_meth_set_read_ex(m, give);
      BIO_meth_set_write_ex(m, take);
      BIO_meth_set_ctrl(m, control);
    }
    return m;
  }();
  return made;
}

}  // namespace

BIO* make_bio(tls::record_layer& l) {
  BIO* const bio = method() == nullptr ? nullptr : BIO_new(method());
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &l);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace sansmtp::openssl
