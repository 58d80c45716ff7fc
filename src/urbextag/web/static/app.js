// Every page: what forms do, what is refreshed while work goes on, times in the reader's zone, light or dark.
import { forms } from "./forms.js";
import { live } from "./live.js";
import { localTimes, themeSwitch } from "./looks.js";

forms(document);
localTimes(document);
themeSwitch();
live();
