"""Emotiv's Cortex on loopback: JSON-RPC over a WebSocket, as emotiv.gitbook.io/cortex-api has it."""

import json

from websockets.asyncio.server import serve

CLIENT = {"EMOTIV_CLIENT_ID": "an-id", "EMOTIV_CLIENT_SECRET": "a-very-secret-word"}
ELECTRODES = ["AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4"]


class Cortex:
    """One headset or more by id and status; `errors` gives (code, message) by method."""

    def __init__(self, headsets=None, electrodes=ELECTRODES, certificates=None):
        self.headsets = {"EPOCX-1234": "discovered"} if headsets is None else headsets
        self.electrodes, self.errors, self.failures, self.heard = electrodes, {}, {}, []
        self.granted, self.connects, self.sessions, self.sockets = True, True, [], []
        self._certificates = certificates

    async def __aenter__(self):
        self._server = await serve(self._talk, "127.0.0.1", 0, ssl=self._certificates)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}" if self._certificates is None else f"wss://localhost:{port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    @property
    def methods(self):
        return [method for method, _ in self.heard]

    async def send(self, message):
        for socket in self.sockets:
            await socket.send(json.dumps(message))

    async def warn(self, code, message=""):
        await self.send({"jsonrpc": "2.0", "warning": {"code": code, "message": message}})

    async def eeg(self, count, values):
        await self.send({"eeg": [count, 0, *values, 0, []], "sid": self.sessions[-1], "time": 1.0})

    async def drop(self):
        for socket in list(self.sockets):
            await socket.close()

    async def _talk(self, socket):
        self.sockets.append(socket)
        try:
            async for text in socket:
                request = json.loads(text)
                method, params = request["method"], request["params"]
                self.heard.append((method, params))
                answer = {"id": request["id"], "jsonrpc": "2.0"}
                if method in self.errors:
                    code, message = self.errors[method]
                    answer["error"] = {"code": code, "message": message}
                else:
                    answer["result"] = getattr(self, f"_{method}")(params)
                await socket.send(json.dumps(answer))
        finally:
            self.sockets.remove(socket)

    def _requestAccess(self, params):
        return {"accessGranted": self.granted, "message": "The User has to approve the application in EMOTIV Launcher"}

    def _authorize(self, params):
        assert params["clientSecret"] == CLIENT["EMOTIV_CLIENT_SECRET"]
        return {"cortexToken": "a-token-for-nobody-else"}

    def _queryHeadsets(self, params):
        return [{"id": name, "status": status, "connectedBy": "dongle"} for name, status in self.headsets.items()]

    def _controlDevice(self, params):
        if params["command"] == "connect" and self.connects:
            self.headsets[params["headset"]] = "connected"
        return {"command": params["command"], "message": "started"}

    def _createSession(self, params):
        assert params["cortexToken"] == "a-token-for-nobody-else"
        self.sessions.append(f"session-{len(self.sessions)}")
        return {"id": self.sessions[-1], "status": "activated"}

    def _subscribe(self, params):
        columns = {
            "eeg": ["COUNTER", "INTERPOLATED", *self.electrodes, "RAW_CQ", "MARKERS"],
            "dev": ["Battery", "Signal", [*self.electrodes, "OVERALL"], "BatteryPercent"],
        }
        good = [name for name in params["streams"] if name not in self.failures]
        return {
            "success": [{"streamName": name, "cols": columns[name], "sid": self.sessions[-1]} for name in good],
            "failure": [
                {"streamName": name, "code": -32016, "message": self.failures[name]}
                for name in params["streams"]
                if name in self.failures
            ],
        }

    def _updateSession(self, params):
        return {"id": params["session"], "status": "closed"}
