import { z } from "zod";
import type { Deps } from "../../deps.ts";
import type { Certificate, Device } from "./device-rows.ts";
import { MessageFiltersBody, MessageFiltersView } from "./message-filters.ts";
import { Id, Instant, SingleLineText, viewInstant } from "./wire.ts";

// Devices as callers send them and as responses show them (specification 4.1, 4.3).

export const DEVICE_STATUSES = ["error", "enabled", "disabled"] as const;
export const DEVICE_ORDERS = ["name", "status", "hub_id", "created_at", "updated_at", "allow_insecure"] as const;

/**
 * A device's name is used as the common name of a certificate and as a topic level, so it contains no separator of
 * distinguished names or of topic levels.
 */
export const DeviceName = SingleLineText(255).refine(
  (name) => !/[,+=#"\\<>;/]/.test(name),
  'must not contain any of , + = # " \\ < > ; /',
);
const Text = z
  .string()
  .max(4096)
  .refine((text) => !text.includes("\0"), "must not contain NUL");

export const CreateDeviceBody = z.object({
  hub_id: Id,
  name: DeviceName,
  allow_insecure: z.boolean().nullish(),
  allow_multiple_connections: z.boolean().nullish(),
  message_filters: MessageFiltersBody.nullish(),
  description: Text.nullish(),
});

export const UpdateDeviceBody = z.object({
  description: Text.nullish(),
  allow_insecure: z.boolean().nullish(),
  allow_multiple_connections: z.boolean().nullish(),
  message_filters: MessageFiltersBody.nullish(),
  hub_id: Id.nullish(),
});

export const SetCertificateBody = z.object({ certificate_pem: z.string() });

export const DeviceView = z.object({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  status: z.enum(["enabled", "disabled"]),
  hub_id: z.uuid(),
  last_activity_at: Instant,
  is_connected: z.boolean(),
  allow_insecure: z.boolean(),
  allow_multiple_connections: z.boolean(),
  message_filters: MessageFiltersView,
  has_custom_certificate: z.boolean(),
  created_at: Instant,
  updated_at: Instant,
  region: z.string(),
});

export const DeviceListView = z.object({ total_count: z.int(), devices: z.array(DeviceView) });

const IssuedView = z.object({
  crt: z.string(),
  key: z.string().meta({ description: "Shown only once; the server does not keep it." }),
});
export const NewDeviceView = z.object({ device: DeviceView, certificate: IssuedView.optional() });
export const RenewedCertificateView = z.object({ device: DeviceView, certificate: IssuedView });
export const CertificateView = z.object({
  device: DeviceView,
  certificate_pem: z.string(),
  pending: z
    .literal(true)
    .optional()
    .meta({ description: "It counts once a connection that names the device proves to have its key." }),
});

/** The certificate that was last attached to a device, proven or not. */
export const viewCertificate = (
  deps: Deps,
  device: Device,
  certificate: Certificate,
): z.infer<typeof CertificateView> => ({
  device: viewDevice(deps, device),
  certificate_pem: certificate.pem,
  ...(device.pendingCertificate && { pending: true }),
});

export const viewDevice = ({ config }: Deps, device: Device): z.infer<typeof DeviceView> => ({
  id: device.id,
  name: device.name,
  description: device.description,
  status: device.enabled ? "enabled" : "disabled",
  hub_id: device.hubId,
  last_activity_at: viewInstant(device.lastActivityAt),
  is_connected: device.isConnected,
  allow_insecure: device.allowInsecure,
  allow_multiple_connections: device.allowMultipleConnections,
  message_filters: device.messageFilters,
  has_custom_certificate: device.hasCustomCertificate || device.pendingCertificate !== null,
  created_at: viewInstant(device.createdAt),
  updated_at: viewInstant(device.updatedAt),
  region: config.region,
});
