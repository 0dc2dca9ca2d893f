// Logs in by a header, has the library scanned, opens a room, and prints what it heard as JSON.
import { io } from "socket.io-client";

const { url, authorization } = JSON.parse(process.argv[2]);
const extraHeaders = { authorization };
const heard = [];
const main = io(url, { path: "/ws/socket.io/", transports: ["websocket", "polling"], extraHeaders });
const player = io(url, { path: "/netplay/socket.io", transports: ["polling", "websocket"], extraHeaders });

const fail = (error) => {
  console.error(error);
  process.exit(1);
};
main.on("connect_error", fail);
player.on("connect_error", fail);
const done = new Promise((resolve) => {
  main.onAny((name, payload) => {
    heard.push([name, payload]);
    if (name === "scan:done" || name === "scan:done_ko") resolve();
  });
});
main.emit("scan", { type: "quick" });
await done;

const extra = { sessionid: "room", userid: "one", game_id: "1" };
const opened = await new Promise((resolve) => {
  player.emit("open-room", { extra }, (...answer) => resolve(answer));
});
const joined = await new Promise((resolve) => {
  player.emit("join-room", { extra }, (...answer) => resolve(answer));
});
console.log(JSON.stringify({ heard, opened, joined, id: player.id }));
main.close();
player.close();
