#!/bin/sh
# Makes the certificates that tests of TLS need, with OpenSSL's command.
#
#   sh tests/support/make_pki.sh FOLDER
#
# For each NAME below FOLDER/NAME.pem and FOLDER/NAME.key; the authorities are ca.pem (trusted by the
# tests) and stranger.pem (trusted by nobody). Does nothing if FOLDER is complete already.
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

# certificate NAME COMMON-NAME ALTERNATIVE-NAMES [AUTHORITY [DAYS [KEY-OPTIONS]]]
certificate() {
  if [ "${6-}" = rsa ]; then
    openssl genrsa -out "$1.key" 2048 2>/dev/null
  else
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" 2>/dev/null
  fi
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
  {
    echo basicConstraints=CA:FALSE
    echo keyUsage=critical,digitalSignature,keyEncipherment
    echo extendedKeyUsage=serverAuth,clientAuth
    [ -z "$3" ] || echo "subjectAltName=$3"
  } >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "${4:-ca}.pem" -CAkey "${4:-ca}.key" -CAcreateserial -sha256 \
    -days "${5:-3650}" -extfile "$1.ext" -out "$1.pem" 2>/dev/null
  rm -f "$1.csr" "$1.ext"
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
openssl req -x509 -new -key self_signed.key -sha256 -days 3650 -subj /CN=mail.test \
  -out self_signed.pem -addext subjectAltName=DNS:localhost,DNS:mail.test,IP:127.0.0.1
touch complete
