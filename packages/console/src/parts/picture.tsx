/** A frame of a creative, fetched with the token when it comes into view. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Api } from "../api/client.ts";
import { type Creative, creativePath } from "../api/creatives.ts";

export function Picture({ api, creative }: { readonly api: Api; readonly creative: Creative }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const isSeen = useSeen(place);
  const address = usePicture(api, creative, isSeen);
  return (
    <div class="thumb" ref={place}>
      {address !== undefined && <img src={address} alt="" />}
    </div>
  );
}

/** The picture's address in this page; undefined as long as there is none. */
export function usePicture(api: Api, creative: Creative, isWanted: boolean): string | undefined {
  const [address, setAddress] = useState<string>();
  // There is none before it is encoded, and another one after it was made again.
  const path = creative.renditions.length > 0 ? `${creativePath(creative)}/preview.jpg` : undefined;
  useEffect(() => {
    if (!isWanted || path === undefined) return;
    const controller = new AbortController();
    let url: string | undefined;
    const load = async (): Promise<void> => {
      const blob = await api.picture(path, controller.signal);
      if (controller.signal.aborted) return;
      url = URL.createObjectURL(blob);
      setAddress(url);
    };
    // Without a picture the box stays empty: the name beside it says what it is.
    load().catch(() => setAddress(undefined));
    return () => {
      controller.abort();
      if (url !== undefined) URL.revokeObjectURL(url);
    };
  }, [api, path, isWanted]);
  return address;
}

/** Whether the element was ever in view, or nearly so. */
function useSeen(element: { readonly current: Element | null }): boolean {
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        setSeen(true);
        observer.disconnect();
      },
      { rootMargin: "200px" },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return isSeen;
}
