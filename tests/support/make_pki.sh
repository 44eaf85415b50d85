#!/bin/sh
# Makes the certificates that tests of TLS need, with OpenSSL's command.
#
#   sh tests/support/make_pki.sh FOLDER
#
# For each NAME below FOLDER/NAME.pem and FOLDER/NAME.key; the authorities are ca.pem (trusted by the
# tests), stranger.pem (trusted by nobody) and those of the table of weak ones, which trusts roots.pem. Does nothing if FOLDER is complete already.
set -eu
folder=$1
[ ! -e "$folder/complete" ] || exit 0
mkdir -p "$folder"
cd "$folder"

# authority NAME COMMON-NAME
authority() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" 2>/dev/null
  openssl req -x509 -new -key "$1.key" -sha256 -days 3650 -subj "/CN=$2" -out "$1.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# certificate NAME COMMON-NAME ALTERNATIVE-NAMES [AUTHORITY [DAYS [KEY [USAGE [HASH]]]]]
#
# KEY is ec, rsa (2048 bits), weak (RSA with 1024), ed25519 or pss.
# USAGE is server, encipherment, client, authority or none.
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
    if [ "${7-}" = authority ]; then
      echo basicConstraints=critical,CA:TRUE
    else
      echo basicConstraints=CA:FALSE
    fi
    case "${7-server}" in
      server) echo keyUsage=critical,digitalSignature,keyEncipherment ;;
      encipherment) echo keyUsage=critical,keyEncipherment ;;
      client) echo keyUsage=critical,digitalSignature ;;
      authority) echo keyUsage=critical,keyCertSign,cRLSign ;;
    esac
    case "${7-server}" in
      server | encipherment) echo extendedKeyUsage=serverAuth,clientAuth ;;
      client) echo extendedKeyUsage=clientAuth ;;
    esac
    [ -z "$3" ] || echo "subjectAltName=$3"
  } >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "${4:-ca}.pem" -CAkey "${4:-ca}.key" -CAcreateserial \
    "-${8:-sha256}" -days "${5:-3650}" -extfile "$1.ext" -out "$1.pem" 2>/dev/null
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
certificate encipherment mail.test $names ca 3650 ec encipherment
certificate client_only mail.test $names ca 3650 ec client
certificate no_usage mail.test $names ca 3650 ec none
certificate ed25519 mail.test $names ca 3650 ed25519
certificate pss mail.test $names ca 3650 pss
certificate between between "" ca 3650 ec authority
certificate between_weak between_weak "" ca 3650 weak authority
certificate between_no_authority between_no_authority "" ca 3650 ec client
certificate between_stranger between_stranger "" stranger 3650 ec authority
for authority in between between_weak between_no_authority between_stranger; do
  certificate by_$authority mail.test $names $authority
  chain chain_$authority by_$authority by_$authority $authority
done
edition between_expired ca -1 sha256 between
edition between_sha1 ca 3650 sha1 between
edition ca_expired ca -1 sha256 ca
chain chain_missing by_between by_between
chain chain_expired by_between by_between between_expired
chain chain_sha1 by_between by_between between_sha1
chain chain_editions by_between by_between between_expired between_sha1 between
chain chain_editions_turned by_between by_between between between_sha1 between_expired
chain chain_expired_root by_between by_between between ca_expired
chain chain_stray by_between by_between between stranger chain_between_stranger
openssl genrsa -out weak_root.key 1024 2>/dev/null
openssl req -x509 -new -key weak_root.key -sha256 -days 3650 -subj "/CN=Weak Root" \
  -out weak_root.pem -addext basicConstraints=critical,CA:TRUE
certificate by_weak_root mail.test $names weak_root
# An authority that may have none below it has one.
openssl ecparam -name prime256v1 -genkey -noout -out short.key 2>/dev/null
openssl req -x509 -new -key short.key -days 3650 -subj "/CN=short" -out short.pem \
  -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign
certificate below_short below_short "" short 3650 ec authority
certificate by_below_short mail.test $names below_short
chain chain_too_long by_below_short by_below_short below_short
cat ca.pem weak_root.pem short.pem >roots.pem
touch complete
