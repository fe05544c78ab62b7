// Answers a request of a custom resource. Put beside inline code that requires 'cfn-response'.
const https = require('https');

exports.SUCCESS = 'SUCCESS';
exports.FAILED = 'FAILED';

exports.send = function (event, context, responseStatus, responseData, physicalResourceId, noEcho) {
  return new Promise((resolve) => {
    const stream = context.logStreamName;
    const body = JSON.stringify({
      Status: responseStatus,
      Reason: 'The details are in the CloudWatch log stream ' + stream,
      PhysicalResourceId: physicalResourceId || stream,
      StackId: event.StackId,
      RequestId: event.RequestId,
      LogicalResourceId: event.LogicalResourceId,
      NoEcho: noEcho || false,
      Data: responseData,
    });
    const done = (outcome) => {
      console.log(outcome);
      // Runtimes that take callbacks end with this one; others go on when the promise is kept.
      if (typeof context.done === 'function') context.done();
      resolve();
    };
    const url = new URL(event.ResponseURL);
    // The URL is signed for a request without a content type.
    const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
    const options = { hostname: url.hostname, port: url.port || 443, path: url.pathname + url.search, method: 'PUT', headers };
    const request = https.request(options, (response) => {
      response.resume();
      done('The custom resource\'s answer was taken: ' + response.statusCode);
    });
    request.on('error', (error) => done('The custom resource\'s answer could not be sent: ' + error));
    request.end(body);
  });
};
