/** The operators' page: `/console/` of the server, `#token=…` of the link that it prints. */
import { render } from "preact";
import { App } from "./app.tsx";

const place = document.getElementById("console");
if (place) render(<App root={new URL("..", document.baseURI)} />, place);
