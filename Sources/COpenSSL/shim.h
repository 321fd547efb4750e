#ifndef MARTLET_COPENSSL_SHIM_H
#define MARTLET_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Macros, which Swift does not import.
static inline EVP_PKEY *shim_generate_p256_key(void) { return EVP_EC_gen("P-256"); }
static inline void shim_set_issuer(X509V3_CTX *context, X509 *certificate) {
    X509V3_set_ctx(context, certificate, certificate, NULL, NULL, 0);
}
static inline long shim_memory_contents(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }

#endif
