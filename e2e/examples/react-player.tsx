import { type AdInsertionOptions, createAdInsertion } from "@interlude/plugin/hls";
import Hls from "hls.js";
import { type ReactElement, useEffect, useRef } from "react";

export function Player({ src, ads }: { readonly src: string; readonly ads: AdInsertionOptions }): ReactElement {
  const ref = useRef<HTMLVideoElement>(null);
  const key = JSON.stringify(ads);
  useEffect(() => {
    const insertion = createAdInsertion(JSON.parse(key));
    const hls = new Hls({ ...insertion.hlsConfig });
    insertion.attach(hls);
    hls.loadSource(src);
    if (ref.current) hls.attachMedia(ref.current);
    return () => hls.destroy();
  }, [src, key]);
  return <video ref={ref} controls />;
}
