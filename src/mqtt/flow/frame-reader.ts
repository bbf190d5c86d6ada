import { stopwatchMs } from "../../kernel/clock.ts";
import type { DeviceSocket } from "../../platform/device-socket.ts";
import { IN_WORK_MAX, IN_WORK_RESUME } from "../limits.ts";
import { Inbox } from "../wire/inbox.ts";
import type { Reading, Share } from "./reading.ts";
import { TURN_PACKETS } from "./work-window.ts";

/** So many packets in a row that are no larger are read without a look at the time. */
const SMALL_FRAMES = 16;
const SMALL_FRAME_BYTES = 2048;

/** What only waits for its turn is a little while in memory; from so much on the socket is not read, which costs two calls of the system. */
const PAUSE_BYTES = 64 * 1024;

/** What the reader needs of its connection. */
type ReaderPort = {
  /** Takes a packet. What it throws comes back by `failed`. */
  process(frame: Uint8Array): void;
  isClosed(): boolean;
  /** Nothing more is to be read for now. */
  isHeld(): boolean;
  /** A packet breaks the protocol, or is a fault of ours: it ends the connection. */
  failed(error: unknown): void;
  /** So much waits to be read, of so much memory; it may end the connection. */
  waiting(unreadBytes: number, memoryBytes: number): void;
};

/**
 * Reads a connection's packets: as far as its account has its part of the event loop's turn, and room for what they bring to work. What must
 * wait, waits where it came from: the socket is not read meanwhile.
 */
export class FrameReader {
  readonly #reading: Reading;
  readonly #socket: DeviceSocket;
  readonly #port: ReaderPort;
  readonly #inbox: Inbox;
  /** Whose part of the reading it takes: its address's, then its account's. Within an account a device is a member. */
  #share: Share;
  #member = "";
  #inWork = 0;
  #isPaused = false;
  /** It waits for room in the window of its account. */
  #isWaiting = false;
  /** Of the reading that is on: until when, and what it has come to. */
  #end = 0;
  #isOver: () => boolean = () => true;
  #small = 0;
  #hasToWait = false;
  readonly #isPastEnd = () => stopwatchMs() >= this.#end;
  readonly #takeFrame = (frame: Uint8Array): boolean => {
    if (this.#turnPackets > 0) this.#turnPackets--;
    this.#port.process(frame);
    this.#hasToWait = this.#port.isClosed() || this.#mustWait();
    if (this.#hasToWait) return false;
    // The clock is not looked at for each small one.
    const looks = frame.length >= SMALL_FRAME_BYTES || ++this.#small % SMALL_FRAMES === 0;
    return !(looks && this.#isOver());
  };
  /** Packets that it may still bring in its turn, though others wait. */
  #turnPackets = 0;
  /** Its next packets are read in a turn of their own. */
  #isLater = false;

  constructor(reading: Reading, socket: DeviceSocket, packetBytesMax: number, port: ReaderPort) {
    this.#reading = reading;
    this.#socket = socket;
    this.#port = port;
    this.#inbox = new Inbox(packetBytesMax);
    this.#share = reading.ofAddress(socket.origin);
    this.#share.window.join();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** What the client asked for and is not done. */
  get inWork(): number {
    return this.#inWork;
  }

  /** It is this account's and device's from now on. */
  belongsTo(account: string, device: string): void {
    this.#share.window.leave(this);
    this.#share = this.#reading.ofAccount(account);
    this.#share.window.join();
    this.#member = device;
  }

  received(bytes: Uint8Array): void {
    if (!this.#inbox.hasUnread && !this.#mustWait()) {
      this.#readNow(bytes);
      return;
    }
    this.#keep(bytes);
  }

  /** Something of so many bytes is in work; returns what is to be called when it is done. */
  begin(bytes: number): () => void {
    const { window } = this.#share;
    this.#inWork++;
    window.begin(bytes);
    return () => {
      this.#inWork--;
      window.end(bytes);
      if (this.#isPaused && this.#inWork <= IN_WORK_RESUME) this.readOn();
    };
  }

  /** It waited for room in the window of its account, and it is its turn. */
  admit(): void {
    this.#isWaiting = false;
    this.#turnPackets = TURN_PACKETS;
    this.readOn();
    // It has nothing to bring, or waits for something else.
    if (!this.#isLater) this.#turnPackets = 0;
  }

  /** Something that it waited for is there. */
  readOn(): void {
    if (this.#port.isClosed() || this.#isLater || this.#mustWait()) return;
    if (this.#inbox.hasUnread) this.#readNow();
    else this.#resume();
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  end(): void {
    this.#inbox.clear();
    this.#share.window.leave(this);
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  #mustWait(): boolean {
    if (this.#port.isHeld() || this.#inWork >= (this.#isPaused ? IN_WORK_RESUME + 1 : IN_WORK_MAX)) return true;
    const { window } = this.#share;
    if (!window.isFull && (this.#turnPackets > 0 || !window.isQueued)) return false;
    if (!this.#isWaiting) window.wait(this);
    this.#isWaiting = true;
    return true;
  }

  /** Reads what has come, and later what cannot be read now. */
  #readNow(bytes?: Uint8Array): void {
    const share = this.#share;
    const allowedMs = this.#reading.allowedMs(share);
    if (allowedMs > 0) {
      const began = stopwatchMs();
      this.#end = began + allowedMs;
      const isUnfinished = this.#read(this.#isPastEnd, bytes);
      this.#reading.charge(share, stopwatchMs() - began);
      if (!isUnfinished) return;
    } else if (bytes) {
      this.#keep(bytes);
      if (this.#port.isClosed()) return;
    }
    this.#isLater = true;
    this.#reading.later({ account: this.#share.key, member: this.#member }, (isOver) => this.#read(isOver));
  }

  /** Reads what has come as far as it may be. Returns whether it could go on at once if it were not over. */
  #read(isOver: () => boolean, bytes?: Uint8Array): boolean {
    this.#isLater = false;
    if (this.#port.isClosed()) return false;
    this.#isOver = isOver;
    this.#small = 0;
    this.#hasToWait = !bytes && this.#mustWait();
    if (!this.#hasToWait) this.#take(bytes);
    if (this.#port.isClosed()) return false;
    this.#tell();
    if (this.#port.isClosed()) return false;
    this.#isLater = this.#inbox.hasUnread && !this.#hasToWait;
    if (this.#hasToWait || this.#inbox.unreadBytes >= PAUSE_BYTES) this.pause();
    else this.#resume();
    return this.#isLater;
  }

  #take(bytes: Uint8Array | undefined): void {
    try {
      this.#inbox.read(this.#takeFrame, bytes);
    } catch (error) {
      this.#port.failed(error);
    }
  }

  #keep(bytes: Uint8Array): void {
    this.#inbox.keep(bytes);
    if (this.#inbox.unreadBytes >= PAUSE_BYTES) this.pause();
    this.#tell();
  }

  #tell(): void {
    this.#port.waiting(this.#inbox.unreadBytes, this.#inbox.memoryBytes);
  }
}
