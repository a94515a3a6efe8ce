import { useQuery } from "@tanstack/react-query";
import { pauseQuery } from "@/lib/api/control";
import type { Pause } from "@/lib/api/types";
import { useSettled } from "./useSettled";

/** Whether everything in this project is held; undefined until it is known. */
export function usePause(): Pause | undefined {
  return useQuery({ ...pauseQuery(), enabled: useSettled() }).data;
}
