"""Ends TLS and passes what is inside on to a port of this host: tls_terminator.py CERTIFICATE KEY PORT.

Writes the port it listens on to stdout, and behind it a line for each connection: the name that SNI asked for, or `-`.
"""

import socket
import ssl
import sys
import threading


def copy(source, sink):
    try:
        while piece := source.recv(1 << 16):
            sink.sendall(piece)
    except OSError:
        pass
    finally:
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(connection, context, port):
    try:
        outside = context.wrap_socket(connection, server_side=True)
    except OSError as error:
        print(f"refused {error}", file=sys.stderr, flush=True)
        return
    inside = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=copy, args=(outside, inside), daemon=True).start()
    threading.Thread(target=copy, args=(inside, outside), daemon=True).start()


def main():
    certificate, key, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _, name, __: print(name or "-", flush=True)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, context, port), daemon=True).start()


main()
