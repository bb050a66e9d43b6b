"""asyncio: one thread goes to whichever client has sent something; each await lets it go to another.
Still wrong: work without await (time.sleep, computing) stops all clients. 2_threads.py mends it."""
import asyncio, contextlib, signal, sys

async def handle(reader, writer):
    print("Serving client", writer.get_extra_info("peername"), flush=True)
    with contextlib.suppress(OSError):  # the client may go away at any moment
        try:
            line = (await reader.readline()).decode(errors="replace")  # until "\n"; at most 64 KB
        except ValueError:  # more than 64 KB
            line = ""
        await asyncio.sleep(0)  # the work: make it 1, a second, and see who waits for whom
        writer.write(line.upper().encode() if line.endswith("\n") else b"ERR expected a line feed\n")
        await writer.drain()
    writer.close()

async def main():
    try: server = await asyncio.start_server(handle, "127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 50000)
    except (OSError, OverflowError, ValueError) as error: sys.exit("Cannot listen (%s): take another port" % error)
    print("Listening on", server.sockets[0].getsockname(), flush=True)
    await server.serve_forever()

def report(loop, context):
    if not isinstance(context.get("exception"), OSError):  # on Windows: reset before it was accepted
        loop.default_exception_handler(context)

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C ends it at once, whatever it waits for
loop = asyncio.SelectorEventLoop()  # Windows' own stops accepting after such a reset
loop.set_exception_handler(report)
with contextlib.closing(loop): loop.run_until_complete(main())
