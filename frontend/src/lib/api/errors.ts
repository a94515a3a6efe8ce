/** Problem details (RFC 9457) as an exception: what happened, what to do, and the request id. */

export type Problem = {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: Record<string, string | string[]> | { field?: string; message?: string; detail?: string }[];
  request_id?: string;
};

export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;
  readonly requestId: string | null;
  readonly retryAfter: number | null;

  constructor(status: number, problem: Problem, response?: Response) {
    super(problem.detail || problem.title || describeStatus(status));
    this.name = "ApiError";
    this.status = status;
    this.problem = problem;
    this.requestId = problem.request_id ?? response?.headers.get("X-Request-ID") ?? null;
    const retry = Number(response?.headers.get("Retry-After"));
    this.retryAfter = retry > 0 ? retry : null;
  }

  /** Field name → message, whichever of the two usual shapes the server used. */
  get fields(): Record<string, string> {
    const found: Record<string, string> = {};
    const { errors } = this.problem;
    if (Array.isArray(errors)) {
      for (const error of errors) {
        if (error.field) found[error.field] = error.message ?? error.detail ?? "is not valid";
      }
    } else if (errors) {
      for (const [field, message] of Object.entries(errors)) {
        found[field] = Array.isArray(message) ? message.join(" ") : String(message);
      }
    }
    return found;
  }
}

export function describeStatus(status: number): string {
  if (status === 0) return "The server cannot be reached. Check that it is running; retrying helps.";
  if (status === 401) return "Your session has ended. Sign in again.";
  if (status === 403) return "Your role does not allow this.";
  if (status === 404) return "This does not exist, or belongs to another project.";
  if (status === 429) return "Too many requests. Wait a moment and try again.";
  if (status >= 500) return "The server failed to answer. Try again; if it persists, look at its log.";
  return `The server refused the request (${status}).`;
}

export function messageOf(error: unknown): string {
  if (error instanceof Error && error.message) return error.message;
  return "Something went wrong. Try again.";
}

export async function problemFrom(response: Response): Promise<ApiError> {
  let problem: Problem = {};
  try {
    if (/json/.test(response.headers.get("Content-Type") ?? "")) problem = (await response.json()) as Problem;
  } catch {
    // A truncated body still deserves the status' own sentence.
  }
  return new ApiError(response.status, problem, response);
}
