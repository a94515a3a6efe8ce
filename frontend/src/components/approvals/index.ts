export { ApprovalCard } from "./approval-card";
export { StepApproval } from "./step-approval";
