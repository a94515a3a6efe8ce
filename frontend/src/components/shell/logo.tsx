export function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" className="shrink-0">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <circle
        cx="16"
        cy="16"
        r="9"
        fill="none"
        stroke="var(--on-accent)"
        strokeWidth="2.5"
        strokeDasharray="42 15"
        strokeLinecap="round"
        transform="rotate(-60 16 16)"
      />
      <circle cx="16" cy="16" r="3.5" fill="var(--on-accent)" />
    </svg>
  );
}
