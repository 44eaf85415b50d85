"""CORE-01: Checks what an archive asks of the outside: memory, strings, errors, and nothing else.

purity.py NM check ARCHIVE [PURE-ARCHIVE...]
purity.py NM self-check WORK-DIRECTORY COMPILER [OPTION...]

Every symbol that the archive needs, and that neither it nor a further archive (which has a check of
its own) defines, must be on the list of what is allowed, so that also an impurity nobody thought of
is found. The kinds below only say what is wrong with the
known ones, and they come first: nothing allowed may hide them.
"""

import pathlib
import re
import subprocess
import sys

FORBIDDEN = {
    "socket": r"(socket|socketpair|connect|bind|listen|accept4?|send(to|m?msg)?|recv(from|"
              r"m?msg)?|shutdown"
    r"|[gs]etsockopt|get(sock|peer)name|getaddrinfo|freeaddrinfo|gethostby\w+|inet_\w+|res_\w+)$",
    "file": r"(open(at)?(64)?|close|read|write|readv|writev|pread\w*|pwrite\w*|fcntl\w*|ioctl|"
            r"pipe2?|f(open|read|write"
    r"|close|puts|printf)\w*|v?printf|puts|putchar|perror|std(in|out|err)|__\w*printf_chk)$",
    "poll": r"(poll|ppoll|__p?poll_chk|select|pselect|__fdelt_chk|epoll_\w+|kqueue|kevent|"
            r"io_uring_\w+)$",
    "clock": r"(std::chrono::\w+::(_V2::)?\w*clock::now|std::chrono::_V2::\w+::now|clock_\w+|"
             r"clock|gettimeofday|time"
    r"|nanosleep|usleep|sleep|timer_\w+|timerfd_\w+|alarm|localtime\w*|gmtime\w*|strftime)\b",
    "thread": r"(pthread_\w+|std::(thread|jthread|mutex|timed_mutex|condition_variable\w*|"
              r"this_thread|future\w*"
    r"|__future_base|__once_\w+|call_once|__atomic_futex\w*|shared_mutex|counting_semaphore)\b|"
    r"sem_\w+$|thrd_\w+"
    r"|mtx_\w+|fork$|__tls_get_addr|__cxa_thread_atexit\w*|TLS (init|wrapper) function|syscall$|"
    r"futex)",
    "iostream": r"std::(ios_base|basic_ios|basic_[io]+stream|basic_\w*streambuf|"
                r"basic_\w*stringbuf|basic_\w*filebuf"
    r"|basic_\w*stringstream|w?cout|w?cerr|w?clog|w?cin|locale|ostream|istream|__ostream_insert|"
    r"\w*use_facet)\b",
    "allocator hook": r"(std::(set|get)_new_handler|std::pmr::(get|set)_default_resource"
    r"|std::pmr::(new_delete|null_memory)_resource|std::pmr::\w+_resource|__(malloc|realloc|free|"
    r"memalign)_hook"
    r"|mallopt|mallinfo2?|malloc_trim|sbrk|brk|mmap|munmap)\b",
    "TLS": r"(wolf(SSL|Crypt|TLS)|wc_|SSL_|TLS_\w*method|EVP_|OPENSSL|CRYPTO_|BIO_|X509|gnutls_|"
           r"mbedtls_|psa_|Botan)",
    "Asio": r"(boost::)?asio::",
    "exception": r"(__cxa_(throw|rethrow|begin_catch|end_catch|allocate_exception)|"
                 r"__gxx_personality_v0|_Unwind_Resume)$",
    "chance": r"(rand|rand_r|srand|random|srandom|[dlm]rand48|getrandom|getentropy|arc4random\w*"
    r"|std::random_device)\b",
    "environment": r"(getenv|secure_getenv|setenv|environ|setlocale|signal|sigaction|system|exit|"
                   r"_exit)$",
}

ALLOWED = re.compile(
    r"(operator (new|delete)(\[\])?\(.*\)$"
    r"|(mem(cpy|move|set|cmp|chr|rchr)|str(len|n?cmp|chr|nlen)|bcmp|__mem(cpy|move|set)_chk)$"
    # What the containers call when they are misused or memory is gone; built without exceptions
    # by the user's choice, it is the library that ends the program.
    r"|std::__throw_\w+\(.*\)$|std::__glibcxx_assert_fail\(.*\)$|std::terminate\(\)$|abort$|"
    r"__assert_fail$"
    r"|std::(__cxx11::)?basic_string<char.*>::.*|std::__detail::.*|std::_Hash_bytes\(.*\)$"
    r"|std::(__cxx11::)?to_chars.*|std::from_chars.*"
    r"|(vtable for |typeinfo for )?std::(_V2::)?error_category\b.*|std::(_V2::)?(generic|"
    r"system)_category\(\)$"
    # The error category's run-time type information, which Boost asks for.
    r"|vtable for __cxxabiv1::__si_class_type_info$"
    r"|std::_Rb_tree_(in|de)crement\(.*\)$|std::_Rb_tree_(insert_and_rebalance|"
    r"rebalance_for_erase)\(.*\)$"
    # From the compiler's own library: what the processor can, found out before anything runs, and the
    # number of bits in a word.
    r"|__cpu_(model|indicator_init)$|__popcount[ds]i2$"
    # A function's static constants, pure virtual functions, the end of the program.
    r"|__cxa_(guard_(acquire|release|abort)|pure_virtual|atexit)$|__dso_handle$|__stack_chk_fail$"
    r"|_GLOBAL_OFFSET_TABLE_$)"
)

CLEAN = "#include <string>\nstd::string twice(std::string s) { return s + s; }\n"
PLANTED = {
    "socket": "#include <sys/socket.h>\nlong f(int s, char* b) { return recv(s, b, 1, 0); }\n",
    "file": "#include <unistd.h>\nlong f(const char* b) { return write(2, b, 1); }\n",
    "poll": "#include <poll.h>\nint f(pollfd* p) { return poll(p, 1, 0); }\n",
    "clock": "#include <chrono>\nauto f() { return std::chrono::steady_clock::now(); }\n",
    "thread": "#include <pthread.h>\nvoid* run(void*);\n"
    "int f(pthread_t* t) { return pthread_create(t, nullptr, run, nullptr); }\n",
    "iostream": "#include <iostream>\nvoid f() { std::cout << 1; }\n",
    "allocator hook": "#include <new>\nvoid f() { std::set_new_handler(nullptr); }\n",
    "TLS": 'extern "C" int wolfSSL_Init(); int f() { return wolfSSL_Init(); }\n',
    "Asio": "namespace asio { struct io_context { io_context(); }; }\nvoid f() { "
            "asio::io_context context; }\n",
    "exception": "void f() { throw 1; }\n",
    "chance": "#include <random>\nunsigned f() { return std::random_device()(); }\n",
    "environment": "#include <cstdlib>\nchar* f() { return std::getenv(\"HOME\"); }\n",
    "unknown": "int somebody_else(); int f() { return somebody_else(); }\n",
}


def symbols(nm, path, option):
    """The demangled names nm gives for a file, one for each name however many objects have it."""
    command = [nm, "-C", option, str(path)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # `address type name`, where an undefined symbol has no address; other lines are file names.
    rows = (re.match(r"[0-9a-f]*\s+([A-Za-z])\s(.+)", line) for line in listing.splitlines())
    return {row[2] for row in rows if row}


def kind_of(name):
    """What is wrong with a symbol, None if nothing."""
    for kind, pattern in FORBIDDEN.items():
        if re.match(pattern, name):
            return kind
    return None if ALLOWED.match(name) else "unknown"


def impurities(nm, path, *pure):
    """The kinds of impurity in a file, each with its symbols."""
    found = {}
    # What one object defines another may use; a weak definition is the file's own too.
    defined = set().union(*(symbols(nm, each, "--defined-only") for each in (path, *pure)))
    for name in sorted(symbols(nm, path, "--undefined-only") - defined):
        kind = kind_of(name)
        if kind:
            found.setdefault(kind, []).append(name)
    return found


def check(nm, archive, *pure):
    if not symbols(nm, archive, "--defined-only"):
        return f"{archive} defines no symbol: this is not what was meant to be checked"
    found = impurities(nm, archive, *pure)
    for kind, names in found.items():
        for name in names:
            print(f"{kind}: {name}")
    return "the archive is not pure" if found else 0


def self_check(nm, directory, *compiler):
    """Each planted impurity is found for what it is, and clean code is let through."""
    failures = []
    for kind, code in {"clean": CLEAN, **PLANTED}.items():
        source = pathlib.Path(directory, "planted_" + kind.replace(" ", "_") + ".cpp")
        source.write_text(code, encoding="ascii")
        planted = source.with_suffix(".o")
        # As the engine is compiled, but for the one that needs to throw.
        exceptions = "-fexceptions" if kind == "exception" else "-fno-exceptions"
        options = ["-O2", exceptions, "-fno-rtti"]
        subprocess.run([*compiler, *options, "-c", source, "-o", planted], check=True)
        found = impurities(nm, planted)
        print(f"{kind}: {found}")
        if found and kind == "clean" or kind != "clean" and kind not in found:
            failures.append(kind)
    return f"not judged as they should be: {', '.join(failures)}" if failures else 0


if __name__ == "__main__":
    _, nm_tool, action, *arguments = sys.argv
    sys.exit({"check": check, "self-check": self_check}[action](nm_tool, *arguments))
