"""examples/python sends mail to the command's sink."""

import asyncio
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "python"))
import sansmtp_asyncio  # noqa: E402


def main() -> None:
    port_file = pathlib.Path(sys.argv[1], "python_port")
    port_file.unlink(missing_ok=True)
    sink = subprocess.Popen([os.environ["SANSMTP"], "sink", "--listen", "127.0.0.1:0", "--port-file", port_file,
                             "--reject", "no@y.test"], stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while not port_file.exists() or not port_file.read_text():
            assert sink.poll() is None and time.monotonic() < end, "the sink did not start"
            time.sleep(0.01)
        port = int(port_file.read_text())

        async def all_of_them() -> None:
            content = b"Subject: Hello\r\n\r\nIt works.\r\n" + b".dots\r\n" * 100_000
            results = await sansmtp_asyncio.send("127.0.0.1", port, "a@x.test", ["b@y.test", "no@y.test", "bad"], content)
            assert [r.outcome for r in results] == ["not_attempted", "not_attempted", "rejected"], results
            results = await sansmtp_asyncio.send("127.0.0.1", port, "a@x.test", ["b@y.test", "no@y.test"], content)
            assert [r.outcome for r in results] == ["delivered", "rejected"], results
            assert results[1].code == 550 and results[0].delivered, results
            many = await asyncio.gather(*(sansmtp_asyncio.send("127.0.0.1", port, "a@x.test", ["b@y.test"], content[:200])
                                          for _ in range(20)))
            assert all(r[0].delivered for r in many), many
            for wrong in ("a b", ""):
                try:
                    await sansmtp_asyncio.send("127.0.0.1", port, "a@x.test", ["b@y.test"], b"x", local_name=wrong or "\r\n")
                    raise AssertionError("a bad name was taken")
                except ValueError as error:
                    assert str(error) == "bad_argument", error

        asyncio.run(asyncio.wait_for(all_of_them(), 60))
    finally:
        sink.terminate()
        sink.wait()


if __name__ == "__main__":
    main()
