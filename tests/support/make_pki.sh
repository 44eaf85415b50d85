#!/bin/sh
# Makes the certificates that tests of TLS need, with OpenSSL's command.
#
#   sh tests/support/make_pki.sh FOLDER
#
# For each NAME below FOLDER/NAME.pem and FOLDER/NAME.key; the authorities are ca.pem (trusted by
# the tests), stranger.pem (trusted by nobody) and those of the table of weak ones, which trusts
# roots.pem. Does nothing if FOLDER is complete already and not older than this script.
set -eu
folder=$1
[ ! "$folder/complete" -nt "$0" ] || exit 0
mkdir -p "$folder"
cd "$folder"

# authority NAME COMMON-NAME
authority() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" 2>/dev/null
  openssl req -x509 -new -key "$1.key" -sha256 -days 3650 -subj "/CN=$2" -out "$1.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# certificate NAME COMMON-NAME ALTERNATIVE-NAMES [AUTHORITY [DAYS [KEY [USAGE [HASH [PADDING]]]]]]
#
# KEY is ec, rsa (2048 bits), weak (RSA with 1024), ed25519 or pss.
# USAGE is server, encipherment, client, authority, no_signer (an authority that may not sign), signer
# (what may sign, but does not say that it is an authority) or
# none. PADDING is that of an RSA authority.
certificate() {
  case "${6-ec}" in
    ec) openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" ;;
    rsa) openssl genrsa -out "$1.key" 2048 ;;
    weak) openssl genrsa -out "$1.key" 1024 ;;
    ed25519) openssl genpkey -algorithm ed25519 -out "$1.key" ;;
    pss) openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -out "$1.key" ;;
  esac 2>/dev/null
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
  {
    case "${7-}" in
      authority | no_signer) echo basicConstraints=critical,CA:TRUE ;;
      signer) ;;
      *) echo basicConstraints=CA:FALSE ;;
    esac
    case "${7-server}" in
      server) echo keyUsage=critical,digitalSignature,keyEncipherment ;;
      encipherment) echo keyUsage=critical,keyEncipherment ;;
      client) echo keyUsage=critical,digitalSignature ;;
      no_signer) echo keyUsage=critical,digitalSignature,cRLSign ;;
      authority | signer) echo keyUsage=critical,keyCertSign,cRLSign ;;
    esac
    case "${7-server}" in
      server | encipherment) echo extendedKeyUsage=serverAuth,clientAuth ;;
      client) echo extendedKeyUsage=clientAuth ;;
    esac
    [ -z "$3" ] || echo "subjectAltName=$3"
  } >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "${4:-ca}.pem" -CAkey "${4:-ca}.key" -CAcreateserial \
    "-${8:-sha256}" ${9:+-sigopt "rsa_padding_mode:$9"} -days "${5:-3650}" -extfile "$1.ext" \
    -out "$1.pem" 2>/dev/null
  rm -f "$1.csr" "$1.ext"
}

# edition NAME AUTHORITY DAYS HASH OF: the authority OF once more, with the same key and name.
edition() {
  cp "$5.key" "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$5" -out "$1.csr"
  printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n' >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial "-$4" -days "$3" \
    -extfile "$1.ext" -out "$1.pem" 2>/dev/null
  rm -f "$1.csr" "$1.ext"
}

# chain NAME LEAF CERTIFICATE...: what a server shows that has the key of LEAF.
chain() {
  cp "$2.key" "$1.key"
  name=$1
  shift
  for part; do cat "$part.pem"; done >"$name.pem"
}

authority ca "Test Root"
authority stranger "Unknown Root"
certificate server mail.test DNS:localhost,DNS:mail.test,IP:127.0.0.1,IP:::1
certificate rsa mail.test DNS:localhost,DNS:mail.test,IP:127.0.0.1 ca 3650 rsa
certificate expired mail.test DNS:localhost,DNS:mail.test,IP:127.0.0.1 ca -1
certificate untrusted mail.test DNS:localhost,DNS:mail.test,IP:127.0.0.1 stranger
certificate other other.test DNS:other.test
certificate cn_only mail.test ""
certificate wildcard wild.test DNS:*.wild.test
certificate partial part.test DNS:f*.part.test
certificate ip_only mail.test IP:127.0.0.1,IP:::1
certificate ip_as_name mail.test DNS:127.0.0.1
certificate client client.test email:client@client.test
openssl ecparam -name prime256v1 -genkey -noout -out self_signed.key 2>/dev/null
openssl genpkey -algorithm ed25519 -out self_signed_ed25519.key
for name in self_signed self_signed_ed25519; do
  openssl req -x509 -new -key $name.key -days 3650 -subj /CN=mail.test -out $name.pem \
    -addext subjectAltName=DNS:localhost,DNS:mail.test,IP:127.0.0.1
done

# What is not verified, and what is with some trouble (TLS-15).
names=DNS:localhost,DNS:mail.test,IP:127.0.0.1
certificate sha1 mail.test $names ca 3650 ec server sha1
certificate weak_key mail.test $names ca 3650 weak
certificate encipherment mail.test $names ca 3650 rsa encipherment
certificate client_only mail.test $names ca 3650 ec client
certificate no_usage mail.test $names ca 3650 ec none
certificate ed25519 mail.test $names ca 3650 ed25519
certificate pss mail.test $names ca 3650 pss
certificate between between "" ca 3650 ec authority
certificate between_weak between_weak "" ca 3650 weak authority
certificate between_no_authority between_no_authority "" ca 3650 ec client
certificate between_no_signer between_no_signer "" ca 3650 ec no_signer
certificate between_signer between_signer "" ca 3650 ec signer
certificate between_stranger between_stranger "" stranger 3650 ec authority
for authority in between between_weak between_no_authority between_no_signer between_signer between_stranger; do
  certificate by_$authority mail.test $names $authority
  chain chain_$authority by_$authority by_$authority $authority
done
edition between_expired ca -1 sha256 between
edition between_sha1 ca 3650 sha1 between
edition between_stranger_expired stranger -1 sha256 between_stranger
edition ca_expired ca -1 sha256 ca
edition between_elsewhere stranger 3650 sha256 between
chain chain_missing by_between by_between
chain chain_expired by_between by_between between_expired
chain chain_sha1 by_between by_between between_sha1
chain chain_editions by_between by_between between_expired between_sha1 between
chain chain_editions_turned by_between by_between between between_sha1 between_expired
chain chain_crossed by_between by_between between_elsewhere between
chain chain_crossed_twice by_between by_between between_elsewhere between_sha1 between_elsewhere between
chain chain_elsewhere by_between by_between between_elsewhere
chain chain_stranger_editions by_between_stranger by_between_stranger between_stranger \
  between_stranger_expired
chain chain_expired_root by_between by_between between ca_expired
chain chain_stray by_between by_between between stranger chain_between_stranger
# rsa_root NAME BITS COMMON-NAME
rsa_root() {
  openssl genrsa -out "$1.key" "$2" 2>/dev/null
  openssl req -x509 -new -key "$1.key" -sha256 -days 3650 -subj "/CN=$3" \
    -out "$1.pem" -addext basicConstraints=critical,CA:TRUE
}
rsa_root weak_root 1024 "Weak Root"
certificate by_weak_root mail.test $names weak_root
# Signatures by RSASSA-PSS have their hash among their parameters.
rsa_root pss_root 2048 "PSS Root"
certificate pss_sha1 mail.test $names pss_root 3650 ec server sha1 pss
certificate pss_sha256 mail.test $names pss_root 3650 ec server sha256 pss
# DSA, of whatever size, is for signatures no more.
openssl dsaparam -genkey -noout -out dsa_root.key 1024 2>/dev/null
openssl req -x509 -new -key dsa_root.key -sha256 -days 3650 -subj "/CN=DSA Root" \
  -out dsa_root.pem -addext basicConstraints=critical,CA:TRUE
certificate by_dsa_root mail.test $names dsa_root
# What signs itself is trusted, or not, as it stands.
openssl ecparam -name prime256v1 -genkey -noout -out self_signed_sha1.key 2>/dev/null
openssl req -x509 -new -key self_signed_sha1.key -sha1 -days 3650 -subj /CN=mail.test \
  -out self_signed_sha1.pem -addext subjectAltName=$names
# An authority that may have none below it has one.
openssl ecparam -name prime256v1 -genkey -noout -out short.key 2>/dev/null
openssl req -x509 -new -key short.key -days 3650 -subj "/CN=short" -out short.pem \
  -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign
certificate below_short below_short "" short 3650 ec authority
certificate by_below_short mail.test $names below_short
chain chain_too_long by_below_short by_below_short below_short
cat ca.pem weak_root.pem short.pem pss_root.pem >roots.pem
# What cannot be used: a key that is encrypted, a file without anything, one that is no PEM.
openssl ec -in client.key -aes128 -passout pass:secret -out encrypted.key 2>/dev/null
: >empty.pem
openssl x509 -in ca.pem -outform DER -out der.pem
openssl ec -in client.key -outform DER -out der.key 2>/dev/null
# The pins of keys, as OpenSSL's command makes them.
for name in server rsa expired self_signed ed25519; do
  openssl x509 -in $name.pem -noout -pubkey | openssl pkey -pubin -outform DER |
    openssl dgst -sha256 -binary | base64 >$name.pin
done
touch complete
