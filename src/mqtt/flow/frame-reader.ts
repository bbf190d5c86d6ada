import { stopwatchMs } from "../../kernel/clock.ts";
import type { DeviceSocket } from "../../platform/device-socket.ts";
import { IN_WORK_MAX, IN_WORK_RESUME } from "../limits.ts";
import { Inbox } from "../wire/inbox.ts";
import type { ReadScheduler, ReadShare } from "./read-scheduler.ts";
import { TURN_PACKETS } from "./work-window.ts";

/** Number of small packets in a row after which the clock is read. */
const SMALL_FRAMES = 16;
const SMALL_FRAME_BYTES = 2048;

/**
 * Unread bytes are kept in memory for a short time. From this size on the socket is paused, which costs two system
 * calls.
 */
const PAUSE_BYTES = 64 * 1024;

/** What the reader needs from its connection. */
type ReaderPort = {
  /** Processes a packet. What it throws is passed to `failed`. */
  process(frame: Uint8Array): void;
  isClosed(): boolean;
  /** Whether reading is paused for now. */
  isHeld(): boolean;
  /** Ends the connection after a protocol error or an internal error. */
  failed(error: unknown): void;
  /** Reports the unread bytes and the memory that they take; may end the connection. */
  waiting(unreadBytes: number, memoryBytes: number): void;
};

/**
 * Reads a connection's packets while its account has time left in the event loop's turn and room in its work window.
 * Further bytes must wait at the client: the socket is paused meanwhile.
 */
export class FrameReader {
  readonly #reading: ReadScheduler;
  readonly #socket: DeviceSocket;
  readonly #port: ReaderPort;
  readonly #inbox: Inbox;
  /**
   * The share that reading time is charged to: the address's before authentication, the account's after it. `#member`
   * is the device, for fairness within the account.
   */
  #share: ReadShare;
  #member = "";
  #inWork = 0;
  #isPaused = false;
  /** Whether the connection waits for room in its account's work window. */
  #isWaiting = false;
  /**
   * State of the current read: its deadline in stopwatch milliseconds, how it knows that its time is over, its small
   * packets, and whether it must wait.
   */
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
    // For small packets the clock is read only every few.
    const looks = frame.length >= SMALL_FRAME_BYTES || ++this.#small % SMALL_FRAMES === 0;
    return !(looks && this.#isOver());
  };
  /** Packets that it may still read in its turn, although others wait. */
  #turnPackets = 0;
  /** The rest is scheduled to be read later, in a slice. */
  #isLater = false;

  constructor(reading: ReadScheduler, socket: DeviceSocket, packetBytesMax: number, port: ReaderPort) {
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

  /** The client's requests that are not done. */
  get inWork(): number {
    return this.#inWork;
  }

  /** Moves the connection from its address's share to that of its account and device. */
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

  /** Begins a request of `bytes`; returns the function to call when it is done. */
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

  /** Called when there is room in the work window of its account and it is this connection's turn. */
  admit(): void {
    this.#isWaiting = false;
    this.#turnPackets = TURN_PACKETS;
    this.readOn();
    // It has nothing to read, or waits for something else.
    if (!this.#isLater) this.#turnPackets = 0;
  }

  /** Resumes reading after a wait. */
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

  /** Reads the received bytes now, and schedules a slice for the rest. */
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

  /** Reads until it must stop. Returns true if only `isOver` stopped it. */
  #read(isOver: () => boolean, bytes?: Uint8Array): boolean {
    this.#isLater = false;
    if (this.#port.isClosed()) return false;
    this.#isOver = isOver;
    this.#small = 0;
    this.#hasToWait = !bytes && this.#mustWait();
    if (!this.#hasToWait) this.#take(bytes);
    if (this.#port.isClosed()) return false;
    this.#reportUnread();
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
    this.#reportUnread();
  }

  #reportUnread(): void {
    this.#port.waiting(this.#inbox.unreadBytes, this.#inbox.memoryBytes);
  }
}
