import { getDeviceCertificate } from "../../hub/devices/get-device-certificate.ts";
import { renewDeviceCertificate } from "../../hub/devices/renew-device-certificate.ts";
import { setDeviceCertificate } from "../../hub/devices/set-device-certificate.ts";
import {
  CertificateView,
  RenewedCertificateView,
  SetCertificateBody,
  viewCertificate,
  viewDevice,
} from "../../hub/registry/device-schema.ts";
import { operation } from "../operation.ts";
import { DevicePath, NoBody } from "./devices.ts";

export const certificateOperations = [
  operation("renew_device_certificate", {
    method: "post",
    path: "/devices/{device_id}/renew-certificate",
    summary: "Issue a new certificate for a device, whose key is shown only once",
    params: DevicePath,
    body: NoBody,
    ok: { status: 200, view: RenewedCertificateView },
    serve: async ({ deps, actor, params }) => {
      const { device, issued } = await renewDeviceCertificate(deps, actor, params.device_id);
      return { device: viewDevice(deps, device), certificate: { crt: issued.pem, key: issued.key } };
    },
  }),
  operation("set_device_certificate", {
    method: "put",
    path: "/devices/{device_id}/certificate",
    summary: "Give a device a certificate made elsewhere, which counts once the device proves to have its key",
    params: DevicePath,
    body: SetCertificateBody,
    ok: { status: 200, view: CertificateView },
    serve: async ({ deps, actor, params, body }) => {
      const { device, certificate } = await setDeviceCertificate(deps, actor, params.device_id, body.certificate_pem);
      return viewCertificate(deps, device, certificate);
    },
  }),
  operation("get_device_certificate", {
    method: "get",
    path: "/devices/{device_id}/certificate",
    summary: "Get the certificate of a device",
    params: DevicePath,
    ok: { status: 200, view: CertificateView },
    serve: ({ deps, actor, params }) => {
      const { device, certificate } = deps.store.read((reader) =>
        getDeviceCertificate(reader, actor, params.device_id),
      );
      return viewCertificate(deps, device, certificate);
    },
  }),
];
