/** What sales_report.py does: `node sales_report.js sales.csv results`. Needs a running service. */
import { mkdir } from "node:fs/promises";
import { Client } from "@atropos/client";
import { downloadFile, uploadFile } from "@atropos/client/node";

const [table = "sales.csv", folder = "."] = process.argv.slice(2);
const client = new Client(process.env.ATROPOS_API_URL);

await mkdir(folder, { recursive: true });
const { file_id } = await uploadFile(client, table);
const grouped = await client.submit("data_processing", {
  source: { file_id },
  group_by: ["day"],
  aggregates: { amount: "sum(amount)" },
  order_by: ["day"],
});
const report = await client.submit(
  "report_generation",
  {
    source: { task_id: grouped.task_id, artifact: "data.parquet" },
    title: "Sales",
    totals: ["amount"],
    charts: [{ kind: "line", x: "day", y: "amount" }],
  },
  { depends_on: [grouped.task_id] },
);
await client.wait(report.task_id, { timeout: 600 });
for (const { task_id } of [grouped, report]) {
  for (const artifact of await client.artifacts(task_id)) {
    console.log(await downloadFile(client, artifact.file_id, folder));
  }
}
