/** Plays a creative from the CDN that serves it, by hls.js or by the browser itself. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Complaint } from "./states.tsx";

/** Loads nothing before it is asked to play. */
export function Player({
  url,
  name,
  poster,
}: {
  readonly url: string;
  readonly name: string;
  readonly poster: string | undefined;
}): JSX.Element {
  const video = useRef<HTMLVideoElement>(null);
  const [isWanted, setWanted] = useState(false);
  const [complaint, setComplaint] = useState<string>();
  useEffect(() => {
    const element = video.current;
    if (!isWanted || !element) return;
    let end: (() => void) | undefined;
    let isOver = false;
    setComplaint(undefined);
    attach(element, url, setComplaint)
      .then((detach) => {
        if (isOver) detach();
        else end = detach;
      })
      .catch(() => setComplaint("The player could not be loaded."));
    return () => {
      isOver = true;
      end?.();
    };
  }, [isWanted, url]);
  return (
    <>
      <div class="player">
        <video ref={video} controls={isWanted} playsInline preload="none" poster={poster} aria-label={name} />
        {!isWanted && (
          <button class="start" type="button" aria-label={`Play ${name}`} onClick={() => setWanted(true)}>
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <path d="M8 5.2v13.6L19 12z" />
            </svg>
          </button>
        )}
      </div>
      {complaint && <Complaint message={complaint} />}
    </>
  );
}

async function attach(
  video: HTMLVideoElement,
  url: string,
  onComplaint: (message: string) => void,
): Promise<() => void> {
  const { default: Hls } = await import("hls.js");
  const hls = Hls.isSupported() ? new Hls({ enableWorker: false }) : undefined;
  hls?.on(Hls.Events.ERROR, (_, { fatal, details }) => {
    if (fatal) onComplaint(`It does not play: ${details}.`);
  });
  hls?.loadSource(url);
  hls?.attachMedia(video);
  if (!hls) video.src = url;
  // A browser that lets nothing play by itself shows its own button.
  video.play().catch(() => undefined);
  return () => {
    hls?.destroy();
    video.removeAttribute("src");
    video.load();
  };
}
