"""The E4 streaming server on loopback, in the words of developer.empatica.com."""

import asyncio


class E4Server:
    """Has devices by name; each connection binds to one, and gets its streams while it is not paused."""

    def __init__(self, devices=("9ff167",)):
        self.devices, self.heard, self.refuse, self.connections = list(devices), [], {}, []
        self.subscribed, self.paused = set(), False
        self._server = None

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = self._server.sockets[0].getsockname()
        return self

    async def __aexit__(self, *_):
        self.drop()
        self._server.close()
        await self._server.wait_closed()
        await asyncio.sleep(0.01)

    def send(self, text):
        for writer in self.connections:
            writer.write(text.encode())

    def drop(self):
        for writer in self.connections:
            writer.close()
        self.connections.clear()

    async def _serve(self, reader, writer):
        self.connections.append(writer)
        self.subscribed, self.paused = set(), False
        while line := await reader.readline():
            request = line.decode().strip()
            self.heard.append(request)
            writer.write(f"R {self._answer(*request.split())}\r\n".encode())
        if writer in self.connections:
            self.connections.remove(writer)
        writer.close()

    def _answer(self, command, *arguments):
        head = " ".join([command, *arguments[:1]]) if command == "device_subscribe" else command
        if head in self.refuse:
            return f"{head} ERR {self.refuse[head]}"
        if command == "device_list":
            return " | ".join([f"device_list {len(self.devices)}", *(f"{name} Empatica_E4" for name in self.devices)])
        if command == "device_connect" and arguments[0] not in self.devices:
            return "device_connect ERR the requested device is not available"
        if command == "pause":
            self.paused = arguments[0] == "ON"
            return f"pause {arguments[0]}"
        if command == "device_subscribe":
            (self.subscribed.add if arguments[1] == "ON" else self.subscribed.discard)(arguments[0])
        return f"{head} OK"
